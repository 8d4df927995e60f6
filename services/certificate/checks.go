package certificate

import (
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// check is one of those of the proto, or of the file's form.
type check int

const (
	checkFormat check = iota
	checkSignature
	checkChain
	checkIdentity
	checkValidity
	checkHash
	checkEdocNum
	checkCertNum
	checkParties
	checkAttachments
	checkSentAt
	checkReceivedAt
	checkReadAt
)

// checkNames are stable: they are in tables, facts and the policy.
var checkNames = [...]string{
	"format", "signature", "chain", "identity", distcert.CheckValidity, distcert.CheckHash, distcert.CheckEdocNum, distcert.CheckCertNum,
	distcert.CheckParties, distcert.CheckAttachments, distcert.CheckSentAt, distcert.CheckReceivedAt, distcert.CheckReadAt,
}

// checks are what came of each check.
type checks [len(checkNames)]proof.Outcome

// with lists the names of the checks with an outcome.
func (c checks) with(o proof.Outcome) []string {
	return c.that(func(_ string, is proof.Outcome) bool { return is == o })
}

// unaccepted lists the names of the checks that a policy does not accept as they are.
func (c checks) unaccepted(policy proof.Policy) []string {
	return c.that(func(name string, is proof.Outcome) bool { return !policy.Accepts(name, is) })
}

func (c checks) that(wanted func(name string, o proof.Outcome) bool) []string {
	list := []string{}
	for i, o := range c {
		if wanted(checkNames[i], o) {
			list = append(list, checkNames[i])
		}
	}
	return list
}

// checksOf are the checks as their names were kept.
func checksOf(passed, notCheckable []string) (c checks) {
	for i, name := range checkNames {
		switch {
		case slices.Contains(passed, name):
			c[i] = proof.Passed
		case slices.Contains(notCheckable, name):
			c[i] = proof.NotCheckable
		}
	}
	return c
}

func (c checks) proto() *certificatev1.Checks {
	of := func(one check) certificatev1.CheckOutcome {
		switch c[one] {
		case proof.Passed:
			return certificatev1.CheckOutcome_CHECK_OUTCOME_PASSED
		case proof.NotCheckable:
			return certificatev1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKABLE
		default:
			return certificatev1.CheckOutcome_CHECK_OUTCOME_FAILED
		}
	}
	return &certificatev1.Checks{
		Signature: of(checkSignature), Chain: of(checkChain), Identity: of(checkIdentity), Validity: of(checkValidity), Hash: of(checkHash),
		EdocNum: of(checkEdocNum), CertNum: of(checkCertNum), Parties: of(checkParties), Attachments: of(checkAttachments),
		SentAt: of(checkSentAt), ReceivedAt: of(checkReceivedAt), ReadAt: of(checkReadAt),
	}
}

// compare completes the verification of a file with its statements: which document, between whom, when, for whom, under which
// number. Addresses are compared without regard to case (hub-interface 3.1); the hub's times are truncated to whole seconds. Of
// a file whose statements cannot be read, what remains is that it was signed after it was asked for: another one that the signer
// once signed is no answer.
func compare(c *distcert.Certificate, verified distcert.Checks, d expected) checks {
	result := checks{
		checkFormat: verified.Format, checkSignature: verified.Signature, checkChain: verified.Chain, checkIdentity: verified.Identity,
		checkValidity: verified.Validity,
	}
	switch {
	case c == nil:
		return result
	case !c.Readable():
		for one := checkHash; int(one) < len(result); one++ {
			result[one] = proof.NotCheckable
		}
		if c.SignedAt.Before(d.acceptedAt.Add(-d.behind).Truncate(time.Second)) {
			result[checkValidity] = proof.NotPassed
		}
		return result
	}
	for one, same := range map[check]bool{
		checkHash:    c.Algorithm == d.hashAlgorithm && strings.EqualFold(c.Hash, d.hash),
		checkEdocNum: c.EdocNum == d.edocNum,
		checkCertNum: c.CertNum == d.certNum,
		checkParties: strings.EqualFold(c.Sender.Address, d.senderAddress) && strings.EqualFold(c.Recipient.Address, d.recipientAddress) &&
			strings.EqualFold(c.Applicant, d.applicant()),
		checkAttachments: slices.Equal(attachmentsOf(c), d.attachments),
		checkSentAt:      sameSecond(c.SentAt, d.sentAt),
		checkReceivedAt:  sameSecond(c.ReceivedAt, d.receivedAt),
		checkReadAt:      c.ReadAt.IsZero() && !d.registered || !c.ReadAt.IsZero() && sameSecond(c.ReadAt, d.at),
	} {
		if same {
			result[one] = proof.Passed
		}
	}
	return result
}

func attachmentsOf(c *distcert.Certificate) []string {
	stated := make([]string, len(c.AttachmentHashes))
	for i, hash := range c.AttachmentHashes {
		stated[i] = attachment(c.Algorithm, hash)
	}
	slices.Sort(stated)
	return stated
}

// attachment is an attachment's hash as it is kept and compared.
func attachment(algorithm, hash string) string { return algorithm + ":" + strings.ToLower(hash) }

// sameSecond compares a time in the certificate with ours as the hub got it. Seconds are the same in KST and UTC.
func sameSecond(stated, ours time.Time) bool {
	return !ours.IsZero() && stated.Equal(ours.Truncate(time.Second))
}
