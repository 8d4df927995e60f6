package bundle

import (
	"time"

	"github.com/naru-relay/naru/pkg/distcert"
)

// OfCertificates drafts the bundle that a requester assembles of what it obtained itself (guide 5.1.2): the distribution
// certificate, read, and the original certificate. The circulation record in it is the one that the distribution certificate
// states. Documents are the document and the attachments at hand, in their order; attachmentHashes names all of them in the
// order of the registration. Verify the bundle afterwards: nothing is judged here.
func OfCertificates(serial string, at time.Time, distribution []byte, stated *distcert.Content, original []byte, attachmentHashes []string,
	documents ...Content,
) Draft {
	return Draft{
		SignedAt: at,
		Statement: Statement{
			Serial: serial, Form: Submission, EdocNum: stated.EdocNum, CertNum: stated.CertNum, Applicant: stated.Applicant, AttachmentHashes: attachmentHashes,
			Circulation: Circulation{
				Sender:    Party{Address: stated.Sender.Address, PlatformID: stated.Sender.PlatformID},
				Recipient: Party{Address: stated.Recipient.Address, PlatformID: stated.Recipient.PlatformID},
				SentAt:    stated.SentAt, ReceivedAt: stated.ReceivedAt, ReadAt: stated.ReadAt,
			},
		},
		Contents: append(documents,
			Bytes(RoleDistribution, DistributionPath, "application/pdf", distribution),
			Bytes(RoleOriginal, OriginalPath, "application/pkcs7-mime", original)),
	}
}
