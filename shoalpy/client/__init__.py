"""The client: which proxies does this machine use? It finds them, tests them, and writes them where CVMFS or Frontier looks."""
