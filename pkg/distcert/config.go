package distcert

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/proof"
)

// The profiles: how a distribution certificate is read.
const (
	// ProfileSandbox is the sandbox hub's form, whose attachment says everything (see Content).
	ProfileSandbox = "naru-sandbox-hub/1"
	// ProfilePinnedSigner is any PDF that the pinned signer signed whole. What it states is for people: number, parties, times
	// and hash are not checkable.
	ProfilePinnedSigner = "pinned-signer"
)

// The forms of signature that a file may have, by their names in it (SubFilter).
const (
	// SubFilterPAdES (ETSI EN 319 142-1) is a signature whose signed attributes name its certificate.
	SubFilterPAdES = pades.SubFilterPAdES
	// SubFilterPKCS7 (ISO 32000-1 12.8.3.3) need not name it. The certificate that comes with the signature is the one that is
	// judged then, and somebody else may exchange it for another one of the same key that is pinned, too: for one that was not
	// revoked, or is still valid.
	SubFilterPKCS7 = pades.SubFilterPKCS7
)

// The checks of what a file states, beside those of Checks but for validity, which is among both.
const (
	CheckValidity    = "validity"
	CheckHash        = "hash"
	CheckEdocNum     = "edoc_num"
	CheckCertNum     = "cert_num"
	CheckParties     = "parties"
	CheckAttachments = "attachments"
	CheckSentAt      = "sent_at"
	CheckReceivedAt  = "received_at"
	CheckReadAt      = "read_at"
)

var stated = []string{
	CheckValidity, CheckHash, CheckEdocNum, CheckCertNum, CheckParties, CheckAttachments, CheckSentAt, CheckReceivedAt, CheckReadAt,
}

// Config says whose certificates are accepted and how they are read.
type Config struct {
	// Profile is how its certificates are read: naru-sandbox-hub/1 or pinned-signer. Required.
	Profile string `yaml:"profile"`
	// RootsFile is a PEM file of the roots the hub's signing certificate must lead to. Required.
	RootsFile string `yaml:"roots_file" reads:"file" env:"NARU_CERTIFICATE_ROOTS_FILE"`
	// TimeStampRootsFile is a PEM file of the roots to which time stamps that were added to a certificate must lead; default
	// RootsFile.
	TimeStampRootsFile string `yaml:"time_stamp_roots_file" reads:"file"`
	// SPKI are SHA-256 digests (hex) of the public keys that may sign; Subjects are distinguished names (RFC 2253) that may sign,
	// for an issuer that renews its key. At least one entry in all: being under the root is not enough.
	SPKI     []string `yaml:"spki"`
	Subjects []string `yaml:"subjects"`
	// SubFilters are the forms of signature that are accepted: ETSI.CAdES.detached, adbe.pkcs7.detached. Default the first
	// alone, which is also all that naru-sandbox-hub/1 may have.
	SubFilters []string `yaml:"sub_filters"`
	// NotCheckable names the checks that are accepted though certificates of the profile do not say, in a form that can be read,
	// what they need. Default none: such a certificate is refused.
	NotCheckable []string `yaml:"not_checkable"`
	// Skew is how far the hub's clock may run ahead of ours; default 5s.
	Skew config.Duration `yaml:"skew"`
	// Revocation of the hub's signing certificates.
	Revocation cms.RevocationConfig `yaml:"revocation"`
}

// Validate reports every problem.
func (c Config) Validate() error {
	var p config.Problems
	if c.Profile != ProfileSandbox && c.Profile != ProfilePinnedSigner {
		p.Add("profile", "must be %s or %s", ProfileSandbox, ProfilePinnedSigner)
	}
	if c.RootsFile == "" {
		p.Add("roots_file", "is required")
	}
	if len(c.SPKI)+len(c.Subjects) == 0 {
		p.Add("spki", "must name the signer, or subjects must")
	}
	for i, pin := range c.SPKI {
		if raw, err := hex.DecodeString(pin); err != nil || len(raw) != 32 {
			p.Add(fmt.Sprintf("spki[%d]", i), "must be 64 hexadecimal digits")
		}
	}
	for i, form := range c.SubFilters {
		switch {
		case form != SubFilterPAdES && form != SubFilterPKCS7:
			p.Add(fmt.Sprintf("sub_filters[%d]", i), "must be %s or %s", SubFilterPAdES, SubFilterPKCS7)
		case form != SubFilterPAdES && c.Profile == ProfileSandbox:
			p.Add(fmt.Sprintf("sub_filters[%d]", i), "must be %s: certificates of this profile have no other", SubFilterPAdES)
		}
	}
	for i, check := range c.NotCheckable {
		switch {
		case !slices.Contains(stated, check):
			p.Add(fmt.Sprintf("not_checkable[%d]", i), "must be one of %s", strings.Join(stated, ", "))
		case c.Profile == ProfileSandbox:
			p.Add(fmt.Sprintf("not_checkable[%d]", i), "is checkable: certificates of this profile say it")
		}
	}
	if c.Skew.Std() < 0 || c.Skew.Std() > time.Minute {
		p.Add("skew", "must be 0s to 1m")
	}
	p.Within("revocation", c.Revocation.Validate())
	return p.Err()
}

// Policy is for the checks that are not checkable.
func (c Config) Policy() proof.Policy { return proof.Policy(c.NotCheckable) }

// Pins of the signer.
func (c Config) Pins() Pins { return Pins{SPKI: c.SPKI, Subjects: c.Subjects} }
