"""The watched folder: recordings that other programs write into it are taken in as they appear.

    names          which files count, and which of them belong together
    folder         the folder on the disk: nothing outside it is ever opened
    ledger         what was taken, durably
    decide         what is to be done about the files of one name: pure
    description    what a file is a recording of: by `trunk_recorder`, `sdrtrunk`, or its place
    taker, crew    one file into the spool; several at a time
    after          what becomes of it then
    agenda         what is looked at when: pure
    survey         the look at the whole folder
    listener       what the operating system tells
    watcher        all of it

What the operating system tells only makes it quicker. The look at the whole folder, at the start
and again and again, finds whatever is there, so nothing is missed, whoever was asleep.

A file is taken once because the ledger says so, by its place, size and time. The ledger is written
after the spool holds the recording. Who is killed between the two takes the file again, and it is
the same recording: its id is a hash of what it is.
"""
