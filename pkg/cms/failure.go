package cms

import "github.com/naru-relay/naru/pkg/proof"

// Check names one thing that was verified. A Check is itself an error, so errors.Is(err, cms.Digest) tells whether that check is
// among the failed ones.
type Check = proof.Check

// The checks, in the order they are made.
var (
	// Format: not the accepted form of SignedData, or an algorithm that is not accepted.
	Format = Check{Of: "CMS", Name: "format"}
	// Digest: the content does not have the signed message digest.
	Digest = Check{Of: "CMS", Name: "digest"}
	// Signature: the signature over the signed attributes is wrong, or the attribute that binds the signing certificate names
	// another certificate.
	Signature = Check{Of: "CMS", Name: "signature"}
	// Chain: no path from the signer certificate to a pinned root.
	Chain = Check{Of: "CMS", Name: "chain"}
	// Validity: a certificate of the path is outside its validity at the given time, or the claimed signing time is outside the
	// signer certificate's validity.
	Validity = Check{Of: "CMS", Name: "validity"}
	// Usage: the signer certificate is not meant for signing documents.
	Usage = Check{Of: "CMS", Name: "usage"}
	// Revocation: a certificate of the path was revoked, or its key distrusted, before the given time.
	Revocation = Check{Of: "CMS", Name: "revocation"}
)

// Failure is one failed check.
type Failure = proof.Failure

// FailedChecks lists which checks err reports as failed, in check order.
func FailedChecks(err error) []Check {
	return proof.Failed(err, Format, Digest, Signature, Chain, Validity, Usage, Revocation)
}

func malformed(detail string) *Failure { return &Failure{Check: Format, Detail: detail} }
