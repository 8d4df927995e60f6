package witness

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// MaxRequestBytes bounds a request: a full proof and a checkpoint with dozens of cosignatures fit.
	MaxRequestBytes = 32 << 10
	// maxProof is how many hashes the proof of a request may have.
	maxProof = 63
)

// Request asks a witness to cosign a checkpoint.
type Request struct {
	// OldSize is the size that the witness is believed to have cosigned last; 0 for none. The proof begins there.
	OldSize int64
	// Proof of consistency from OldSize to the checkpoint (RFC 6962 section 2.1.2); empty for an OldSize of 0 or of the
	// checkpoint.
	Proof tlog.TreeProof
	// Checkpoint is a signed note (C2SP tlog-checkpoint).
	Checkpoint string
}

// Encode gives the body of a request.
func (r Request) Encode() []byte {
	body := fmt.Appendf(nil, "old %d\n", r.OldSize)
	for _, hash := range r.Proof {
		body = append(base64.StdEncoding.AppendEncode(body, hash[:]), '\n')
	}
	return append(append(body, '\n'), r.Checkpoint...)
}

var errRequest = errors.New("the request is not one of C2SP tlog-witness")

// ParseRequest reads the one spelling of a request. The checkpoint is not looked at.
func ParseRequest(body []byte) (Request, error) {
	if len(body) > MaxRequestBytes {
		return Request{}, fmt.Errorf("%w: it is too long", errRequest)
	}
	head, checkpoint, found := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	size, known := strings.CutPrefix(lines[0], "old ")
	r := Request{Checkpoint: checkpoint}
	var ok bool
	if r.OldSize, ok = parseSize(size); !found || !known || !ok {
		return Request{}, fmt.Errorf("%w: its first line is not the old size", errRequest)
	}
	if len(lines)-1 > maxProof {
		return Request{}, fmt.Errorf("%w: its proof has more than %d hashes", errRequest, maxProof)
	}
	for _, line := range lines[1:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize || strings.ContainsAny(line, "\r\n") {
			return Request{}, fmt.Errorf("%w: its proof is malformed", errRequest)
		}
		r.Proof = append(r.Proof, tlog.Hash(hash))
	}
	return r, nil
}

// parseSize reads a size in its one spelling: decimal, without leading zeros.
func parseSize(text string) (int64, bool) {
	size, err := strconv.ParseInt(text, 10, 64)
	return size, err == nil && size >= 0 && strconv.FormatInt(size, 10) == text
}
