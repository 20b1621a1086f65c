"""The guided tour: three storage elements, a gateway over them, and a check of every claim it shows.

``tour`` runs it; ``stage`` builds what it runs on, in a directory of its own, from nothing; ``looking`` and
``failing`` hold the steps. What the storage elements need beyond the gateway is the extra ``ugrpy[demo]``.
"""
