package demo

import (
	"encoding/json"
	"fmt"

	"github.com/naru-relay/naru/services/cli/internal/proof"
)

// Result is what a demo found. As one line of JSON it is the last line of the output. Times are RFC 3339 UTC with six fractional
// digits.
type Result struct {
	EdocNum string `json:"edocNum"`
	// DocumentHash is the SHA-256 of the PDF, hexadecimal.
	DocumentHash     string `json:"documentHash"`
	RecipientAddress string `json:"recipientAddress"`
	AcceptedAt       string `json:"acceptedAt"`
	SentAt           string `json:"sentAt"`
	ReceivedAt       string `json:"receivedAt"`
	ReadAt           string `json:"readAt"`
	// HubRegistered is true if the stored result codes of both hub calls are 1 or 2 and the hub holds the record with the read
	// time.
	HubRegistered bool   `json:"hubRegistered"`
	CertNum       string `json:"certNum"`
	// CertificateFile is the absolute path of the distribution certificate.
	CertificateFile string `json:"certificateFile"`
	// BundleFile is the absolute path of the certificate bundle, which naru verify verifies.
	BundleFile string `json:"bundleFile"`
	// TrustFolder is whom it is verified by: naru verify <bundleFile> --trust <trustFolder>.
	TrustFolder string       `json:"trustFolder"`
	Checks      proof.Checks `json:"checks"`
	// Verified is true if all checks passed.
	Verified bool `json:"verified"`
	// TraceID identifies the trace that the send request began.
	TraceID string `json:"traceId"`
}

// Line is the result as one line.
func (r *Result) Line() (string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write result: %w", err)
	}
	return string(raw), nil
}
