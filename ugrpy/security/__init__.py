"""Who is asking, from where, and may they: identities, forwarded addresses, authorisation. Pure."""
