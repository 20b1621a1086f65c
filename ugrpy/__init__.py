"""ugrpy: one HTTP/WebDAV namespace over many storage elements.

Start reading at ``namespace/fanout.py`` (how one question is decided), then ``federation/``
(who carries the decision out) and ``frontend/gateway.py`` (how clients hear of it). What clients change
goes through ``changing/``, and is kept in ``journal/`` until it is finished. Nothing is
imported here, so ``import ugrpy.locality`` stays light for the packages that share it.
"""

__version__ = "0.1.0"
