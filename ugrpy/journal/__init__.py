"""What must outlast a crash: the changes under way, in a small database on the local disk.

``records`` is how they are written, ``store`` the database, ``memory`` the same without one, for a federation that nobody may write to.
"""
