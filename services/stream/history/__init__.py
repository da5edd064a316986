"""History: what the store and EVENTS hold, in a file of SQLite that can be searched.

It is a projection: the store's listing first, then EVENTS, whose place is kept in the same
transaction as the rows. Any replica can make it anew; what is not in it is in the store.

    shape      the tables                     rows       a recording and its versions, as rows
    file       the file, its threads, damage  ledger     what is written: rows, events, deletions
    look       a recording, from the store    walk       all of them, from the store
    projection the loop that keeps it         progress   how far it is
    query      what a caller wants            terms      what a caller searches for
    search     the pages                      outbox     corrections that EVENTS does not have yet
"""
