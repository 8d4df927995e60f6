package rpc

// PieceBytes is how many bytes of a file a message of a stream holds, the last one apart.
const PieceBytes = 256 << 10

// Pieces is an io.Writer that sends what is written to it in messages of PieceBytes. A stream to which nothing was sent yet can
// still end with any error.
type Pieces struct {
	// Send sends a piece. Its bytes are used again afterwards: a stream encodes a message before Send returns.
	Send func(piece []byte) error
	// Skip is how many bytes are left out before the first that is sent.
	Skip int64

	piece  []byte
	begun  bool
	failed error
}

// Write implements io.Writer.
func (p *Pieces) Write(b []byte) (int, error) {
	left := min(int64(len(b)), p.Skip)
	p.Skip -= left
	for written := int(left); written < len(b); {
		n := min(len(b)-written, PieceBytes-len(p.piece))
		p.piece = append(p.piece, b[written:written+n]...)
		written += n
		if len(p.piece) == PieceBytes {
			if err := p.send(); err != nil {
				return written, err
			}
		}
	}
	return len(b), nil
}

// Flush sends what is left, and an empty piece if nothing was sent before.
func (p *Pieces) Flush() error {
	if p.failed != nil || len(p.piece) == 0 && p.begun {
		return p.failed
	}
	return p.send()
}

// Failed is what sending failed with: the stream's own error.
func (p *Pieces) Failed() error { return p.failed }

func (p *Pieces) send() error {
	if p.failed == nil {
		p.failed = p.Send(p.piece)
	}
	p.begun, p.piece = true, p.piece[:0]
	return p.failed
}
