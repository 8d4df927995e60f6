package certificate

import "github.com/naru-relay/naru/pkg/sealed"

// What the certificate unit seals, and opens again.
const (
	// sealedReason is why somebody asked for a certificate.
	sealedReason sealed.Purpose = "certificate.reason"
	// sealedFile is a certificate as its issuer gave it.
	sealedFile sealed.Purpose = "certificate.file"
	// sealedBundle is a file of a bundle.
	sealedBundle sealed.Purpose = "certificate.bundle"
)

func seals() []sealed.Rule {
	return []sealed.Rule{
		{Purpose: sealedReason, Readers: []string{domain}},
		{Purpose: sealedFile, Readers: []string{domain}},
		{Purpose: sealedBundle, Readers: []string{domain}},
	}
}
