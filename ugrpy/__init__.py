"""ugrpy: one HTTP/WebDAV namespace over many storage elements.

Start reading at ``namespace/fanout.py`` (how one question is decided), then ``federation.py``
(who carries the decision out) and ``frontend/handlers.py`` (how clients hear of it). Nothing is
imported here, so ``import ugrpy.locality`` stays light for the packages that share it.
"""

__version__ = "0.1.0"
