"""The guided tour: three storage elements, a gateway over them, and a check of every claim it shows.

``tour`` is the way in and ``guide`` runs the steps, which ``looking``, ``sending``, ``reading`` and ``failing`` hold.
``stage`` builds what they run on, in a folder of its own, from nothing. What the storage elements need beyond the
gateway is the extra ``ugrpy[demo]``.
"""
