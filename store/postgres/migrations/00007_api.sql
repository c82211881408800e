-- What the API remembers of the requests that came with a key, for a day.

-- +goose Up
CREATE TABLE requests (
    token   text    NOT NULL, -- the name of whose it was
    key     text    NOT NULL,
    digest  bytea   NOT NULL CHECK (length(digest) = 32), -- of the request
    made_at bigint  NOT NULL,
    status  integer, -- of the answer; NULL while the request goes on
    body    bytea,   -- of the answer; NULL for one that holds a link
    PRIMARY KEY (token, key)
);
CREATE INDEX requests_made ON requests (made_at);

-- +goose Down
DROP TABLE requests;
