"""Restarts a service when its code is saved, for development.

    python -m shared.reload services.NAME

New code is imported in a process of its own while the old one still serves; only when that went
well is the old one asked to end, politely, and the new one told to begin. So an error in a saved
file is shown, and the code that ran goes on. Production starts `python -m services.NAME` and never
imports any of this.

A package may hold two modules for development:

    NAME.dev     is run in place of NAME
    NAME.kept    runs beside the service and lives through its restarts, until a file that it has
                 imported is saved: it holds what is slow to load
"""
