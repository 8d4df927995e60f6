package archive

import (
	"fmt"

	"github.com/naru-relay/naru/pkg/sealed"
)

// sealedCertificate is a registration certificate as the archive gave it: it names its owner and the sender, and by some profiles
// it holds the document. This unit seals it, and opens it for the document's parties.
const sealedCertificate sealed.Purpose = "archive.registration_certificate"

func seals() []sealed.Rule {
	return []sealed.Rule{{Purpose: sealedCertificate, Readers: []string{domain}}}
}

// certificateSubject is what a certificate is sealed for.
func certificateSubject(number string, attempt int) string {
	return fmt.Sprintf("%s/%d", number, attempt)
}
