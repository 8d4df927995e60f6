package pades

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"time"

	"github.com/naru-relay/naru/pkg/tsp"
)

// StampFunc has a hash stamped and gives the token (RFC 3161), DER. Its error ends what it is asked for: nothing is signed with a
// time stamp left out.
type StampFunc func(ctx context.Context, hash [sha256.Size]byte) (token []byte, err error)

// Authorities has time stamps made by time-stamping authorities, which also judges them.
func Authorities(client *tsp.Client) StampFunc {
	return func(ctx context.Context, hash [sha256.Size]byte) ([]byte, error) {
		token, _, err := client.Stamp(ctx, hash)
		return token, err
	}
}

// Options are the choices of a signature.
type Options struct {
	// Signer signs with its key; Chain[0] is its certificate, and all of Chain is carried. Required.
	Signer crypto.Signer
	Chain  []*x509.Certificate
	// At is the time the signer claims, which is kept in KST with the precision of a second; required.
	At time.Time
	// Stamp makes the signature one of level B-T; nil: B-B.
	Stamp StampFunc
	// Field is the name of the signature's field. If the form has a signature field of that name without a value, that one is
	// signed in; if it has none, one is added. Default Signature1, Signature2 and so on by the signatures before.
	Field string
	// Reason and Location of the signature as readers show them; default none. They are not personal data: nothing hides them.
	Reason, Location string
	// Certify makes it the certification of the document (DocMDP): nothing may be changed later but by further signatures, time
	// stamps and validation data. Only the first signature of a file can be one. Later signers better find their fields there
	// already; see Prepare.
	Certify bool
	// Appearance is how the signature is shown; nil: not at all.
	Appearance *Appearance
}

func (o *Options) validate() error {
	switch {
	case o.Signer == nil || len(o.Chain) == 0 || o.At.IsZero():
		return errors.New("signer, chain and time are required")
	case o.Appearance != nil:
		return o.Appearance.validate()
	}
	return nil
}
