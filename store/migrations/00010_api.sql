-- What the API remembers of the requests that came with a key, for a day.

-- +goose Up
CREATE TABLE requests (
    token   TEXT    NOT NULL, -- the name of whose it was
    key     TEXT    NOT NULL,
    digest  BLOB    NOT NULL CHECK (length(digest) = 32), -- of the request
    made_at INTEGER NOT NULL,
    status  INTEGER, -- of the answer; NULL while the request goes on
    body    BLOB,    -- of the answer; NULL for one that holds a link
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_made ON requests (made_at);

-- +goose Down
DROP TABLE requests;
