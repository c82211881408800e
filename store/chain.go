package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// AuditHash is one hash of the chain over the audit log: SHA-256 over the hash
// before it and a line. It depends on every line up to that one, in their order, and
// on nothing else. Before the first line it is all zeros.
type AuditHash [sha256.Size]byte

// ParseAuditHash reads what [AuditHash.String] wrote.
func ParseAuditHash(text string) (h AuditHash, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(h) {
		return AuditHash{}, fmt.Errorf("%q is no hash of the audit log, which has %d hexadecimal digits, as 'alta audit verify' prints it", text, 2*len(h))
	}
	copy(h[:], raw)
	return h, nil
}

// String is the hash in hexadecimal.
func (h AuditHash) String() string { return hex.EncodeToString(h[:]) }

// Next is the hash behind the line that follows on h. No two different lines are
// encoded alike: numbers have eight bytes, the highest first, and before each text
// stands how many bytes of UTF-8 it has. PostgreSQL's chained_hash is the same.
func (h AuditHash) Next(r AuditRow) AuditHash {
	line := append(make([]byte, 0, 256), h[:]...)
	line = binary.BigEndian.AppendUint64(line, uint64(r.ID))
	line = binary.BigEndian.AppendUint64(line, uint64(r.At.UnixMilli()))
	for _, cell := range []string{r.Actor, r.Action, r.UserID, r.Detail} {
		cell = plain(cell) // as every engine can keep it, so that a move changes no hash
		line = binary.BigEndian.AppendUint64(line, uint64(len(cell)))
		line = append(line, cell...)
	}
	return sha256.Sum256(line)
}

// AuditProof is what a check of the audit log found.
type AuditProof struct {
	Rows  int64     // that fit, from the first on
	Hash  AuditHash // behind the last of them; note it elsewhere
	Loose int64     // of these, at the end, that are not chained yet: an older alta added them, and the next act chains them
	Holds bool      // the hash that was noted earlier stands in the chain, so that nothing before it was changed or cut off
}

// AuditBreak says at which line of the audit log the chain breaks.
type AuditBreak struct {
	ID  int64
	Why string
}

// Error implements error.
func (b *AuditBreak) Error() string { return fmt.Sprintf("line %d of the audit log %s", b.ID, b.Why) }

// AuditProver holds the lines of the audit log against its chain. Lines come in the
// order of their ids, one at a time, so that it needs no memory for them.
type AuditProver struct {
	noted   AuditHash
	missing int64      // the first entry of the chain without its line; 0 when there is none
	loose   int64      // the first line that is not chained
	sound   AuditProof // before that one
	last    int64
	proof   AuditProof
}

// ProveAudit begins a check. noted is a hash that somebody wrote down, zero for none.
// missing is the lowest id in the chain of which the log has no line, 0 for none.
func ProveAudit(noted AuditHash, missing int64) *AuditProver {
	return &AuditProver{noted: noted, missing: missing, proof: AuditProof{Holds: noted == AuditHash{}}}
}

// Line takes the next line, and its hash in the chain, nil where it has none. It
// returns an [*AuditBreak] at the first one that does not fit.
func (p *AuditProver) Line(r AuditRow, chained []byte) error {
	if p.missing != 0 && p.missing < r.ID {
		return p.gone()
	}
	next := p.proof.Hash.Next(r)
	switch {
	case chained == nil && p.loose == 0:
		p.loose, p.sound = r.ID, p.proof
	case chained == nil:
	case p.loose != 0:
		p.proof = p.sound
		return &AuditBreak{p.loose, "is not in the chain, and later ones are: it was put there by other means than alta's"}
	case !bytes.Equal(chained, next[:]):
		return &AuditBreak{r.ID, fmt.Sprintf("does not follow on line %d: it was changed, or what was between them, or its entry in the chain", p.last)}
	}
	if chained == nil {
		p.proof.Loose++
	}
	p.proof.Hash, p.last = next, r.ID
	p.proof.Rows++
	p.proof.Holds = p.proof.Holds || next == p.noted
	return nil
}

// Proof is what was found so far.
func (p *AuditProver) Proof() AuditProof { return p.proof }

// End tells whether the chain goes on behind the last line.
func (p *AuditProver) End() error {
	if p.missing != 0 {
		return p.gone()
	}
	return nil
}

func (p *AuditProver) gone() error {
	return &AuditBreak{p.missing, "is gone: the chain has its hash, and the log has no such line"}
}
