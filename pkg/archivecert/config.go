package archivecert

import (
	"crypto/x509"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/proof"
)

// Config says whose certificates are accepted and how they are read; the settings of every unit that reads them.
type Config struct {
	// Issuers are the accepted archives, at least one.
	Issuers []IssuerConfig `yaml:"issuers"`
	// Skew is how far an archive's clock may run ahead of ours; default none.
	Skew config.Duration `yaml:"skew"`
	// Revocation of archives' signing certificates.
	Revocation cms.RevocationConfig `yaml:"revocation"`
}

// IssuerConfig is one archive.
type IssuerConfig struct {
	// Name is what senders' memberships call the archive, and its certificates where they name their issuer.
	Name string `yaml:"name"`
	// Profile is how its certificates are read; see Profiles. Required.
	Profile string `yaml:"profile"`
	// Roots are PEM files with the roots that its signing certificates must lead to; at least one.
	Roots []string `yaml:"roots" reads:"file"`
	// Signer is the common name of its signing certificates; default its name.
	Signer string `yaml:"signer"`
	// Policies are object identifiers, of which a time stamp token or a DVCS response must name one; default any.
	Policies []string `yaml:"policies"`
	// NotCheckable names the checks that are accepted though its certificates do not say what they need: owner, attachments,
	// validity. Default none: such a certificate is refused.
	NotCheckable []string `yaml:"not_checkable"`
}

var oidPattern = regexp.MustCompile(`^[0-2](\.[0-9]{1,20}){1,30}$`)

// Validate reports every problem.
func (c Config) Validate() error {
	var p config.Problems
	if len(c.Issuers) == 0 {
		p.Add("issuers", "must name at least one archive")
	}
	signers := map[string]bool{}
	for i, issuer := range c.Issuers {
		p.Within(fmt.Sprintf("issuers[%d]", i), issuer.validate())
		if signer := issuer.signer(); signer != "" && signers[signer] {
			p.Add(fmt.Sprintf("issuers[%d]", i), "has the signer of another one")
		}
		signers[issuer.signer()] = true
	}
	if c.Skew < 0 || c.Skew.Std() > time.Minute {
		p.Add("skew", "must be between 0s and 1m")
	}
	p.Within("revocation", c.Revocation.Validate())
	return p.Err()
}

func (c IssuerConfig) signer() string {
	if c.Signer != "" {
		return c.Signer
	}
	return c.Name
}

func (c IssuerConfig) validate() error {
	var p config.Problems
	if !name(c.Name) {
		p.Add("name", "must be a line of 1 to 100 characters")
	}
	known, ok := profiles[c.Profile]
	if !ok {
		p.Add("profile", "must be one of %s", strings.Join(Profiles(), ", "))
	}
	if len(c.Roots) == 0 {
		p.Add("roots", "must name at least one PEM file")
	}
	if c.Profile == Format && c.Signer != "" && c.Signer != c.Name {
		p.Add("signer", "is the name: certificates of this profile name their signer")
	}
	for i, policy := range c.Policies {
		if !oidPattern.MatchString(policy) {
			p.Add(fmt.Sprintf("policies[%d]", i), "must be an object identifier, e.g. 1.2.410.200004.1")
		}
	}
	if ok && len(c.Policies) > 0 && known.kind == cms.Document {
		p.Add("policies", "are named by time stamp tokens and DVCS responses alone")
	}
	for i, check := range c.NotCheckable {
		switch {
		case !slices.Contains(checkable, check):
			p.Add(fmt.Sprintf("not_checkable[%d]", i), "must be one of %s", strings.Join(checkable, ", "))
		case ok && known.says(check):
			p.Add(fmt.Sprintf("not_checkable[%d]", i), "is checkable: certificates of this profile say it")
		}
	}
	return p.Err()
}

// New makes the verifier that a valid configuration describes.
func (c Config) New(clock Clock) (*Verifier, error) {
	opts := Options{Clock: clock, Skew: c.Skew.Std(), Revocations: cms.NewRevocations(c.Revocation)}
	for _, configured := range c.Issuers {
		issuer := Issuer{
			Name: configured.Name, Profile: configured.Profile, Signer: configured.Signer, Policies: configured.Policies,
			NotCheckable: proof.Policy(configured.NotCheckable), Roots: x509.NewCertPool(),
		}
		for _, file := range configured.Roots {
			if err := config.AddRoots(issuer.Roots, file); err != nil {
				return nil, fmt.Errorf("archive %s: %w", configured.Name, err)
			}
		}
		opts.Issuers = append(opts.Issuers, issuer)
	}
	return New(opts)
}
