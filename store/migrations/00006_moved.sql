-- +goose Up
-- Where the ledger goes with 'alta move'. The row is there from the moment at which
-- its rows begin to be carried over. While it is, triggers that stand beside each
-- table take note of whatever is written; once the ledger has moved, they refuse it
-- (see moved.go).
CREATE TABLE moved (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    ledger TEXT    NOT NULL, -- names this ledger, at random
    turn   TEXT    NOT NULL, -- names what it held when the move began, at random
    intact INTEGER NOT NULL, -- 1: it still holds that
    target TEXT    NOT NULL DEFAULT '', -- where it went
    at     INTEGER           -- when; NULL until it has moved
) STRICT;

-- +goose Down
DROP TABLE moved;
