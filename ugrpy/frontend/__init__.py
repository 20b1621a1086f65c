"""How clients see the federation: methods, redirects, listings, errors.

``gateway`` takes every request; ``reading`` and ``propfind`` answer; ``answers`` builds responses; ``page`` and ``problem`` render.
"""
