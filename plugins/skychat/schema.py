"""The tables of a chat, in one SQLite file.

message   what is shown, in the order of `turn`; `talk` is a peer's key or a room's id
copy      the way of one of our texts to one receiver; `number` counts up for each
early     texts that came before their turn
stream    the number that is missing from a sender; it stays for ever, so nothing is shown twice
room      those we are or were in; `gone` has the members who left
unseen    texts of others that were read here, and whose senders do not know it yet
"""

from __future__ import annotations

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS message (
    turn INTEGER PRIMARY KEY AUTOINCREMENT, talk BLOB NOT NULL, sender BLOB NOT NULL, id BLOB NOT NULL,
    mine INTEGER NOT NULL, time_ms INTEGER NOT NULL, is_read INTEGER NOT NULL, leaves INTEGER NOT NULL,
    text TEXT NOT NULL, UNIQUE (sender, id));
CREATE INDEX IF NOT EXISTS message_talk ON message (talk, turn, is_read);
CREATE INDEX IF NOT EXISTS message_unread_of ON message (sender) WHERE is_read=0;
CREATE INDEX IF NOT EXISTS message_mine ON message (id) WHERE mine=1;
CREATE INDEX IF NOT EXISTS message_unread ON message (talk) WHERE is_read=0;
CREATE TABLE IF NOT EXISTS copy (
    receiver BLOB NOT NULL, number INTEGER NOT NULL, id BLOB NOT NULL, letter BLOB NOT NULL UNIQUE,
    state INTEGER NOT NULL, PRIMARY KEY (receiver, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS copy_id ON copy (id);
CREATE INDEX IF NOT EXISTS copy_open ON copy (receiver, number) WHERE state<4;
CREATE TABLE IF NOT EXISTS counter (receiver BLOB PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epoch (epoch INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS stream (
    sender BLOB NOT NULL, epoch INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (sender, epoch)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS early (
    sender BLOB NOT NULL, epoch INTEGER NOT NULL, number INTEGER NOT NULL, came_ms INTEGER NOT NULL,
    item BLOB NOT NULL, PRIMARY KEY (sender, epoch, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unseen (
    peer BLOB NOT NULL, id BLOB NOT NULL, PRIMARY KEY (peer, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS room (id BLOB PRIMARY KEY, definition BLOB NOT NULL, is_left INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (
    room BLOB NOT NULL, member BLOB NOT NULL, PRIMARY KEY (room, member)) WITHOUT ROWID;
"""
