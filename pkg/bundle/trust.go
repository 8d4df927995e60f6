package bundle

import (
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/logproof"
	"github.com/naru-relay/naru/pkg/tsp"
)

// TrustFile is the name of the settings in a folder of trust.
const TrustFile = "trust.yaml"

// TrustConfig says whom a verifier trusts. Files that are not named by an absolute path are looked for beside the settings.
type TrustConfig struct {
	// Assemblers may sign bundles.
	Assemblers AssemblersConfig `yaml:"assemblers"`
	// TimeStamps are believed.
	TimeStamps TimeStampsConfig `yaml:"time_stamps"`
	// Hub issues distribution certificates.
	Hub distcert.Config `yaml:"hub"`
	// Archives issue original and registration certificates.
	Archives archivecert.Config `yaml:"archives"`
	// Logs are those of relays, for bundles in the evidence form; default none: what relays recorded is not checked then.
	Logs LogsConfig `yaml:"logs"`
	// Relays sign receipts and extracts of viewing logs; default none: these are not verified. A folder may name relays alone,
	// and verifies nothing else then.
	Relays []RelayConfig `yaml:"relays"`
}

// LogsConfig names the logs of relays that are believed.
type LogsConfig struct {
	// Folder holds the files <unit>.vkey of all units of a relay, as it publishes them: each unit's witnesses are among the
	// others.
	Folder string `yaml:"folder"`
	// Witnesses are files with the verifier keys of witnesses outside of the relay, one a line; default none.
	Witnesses []string `yaml:"witnesses" reads:"file"`
	// Required is how many of these witnesses have to have cosigned what a proof leads to; default all of them.
	Required int `yaml:"required"`
}

// AssemblersConfig names who may sign bundles.
type AssemblersConfig struct {
	// Roots are PEM files with the roots that their certificates must lead to. At least one.
	Roots []string `yaml:"roots" reads:"file"`
	// Signers are the common names of their certificates; default any under the roots.
	Signers []string `yaml:"signers"`
	// Revocation of their certificates.
	Revocation cms.RevocationConfig `yaml:"revocation"`
}

// TimeStampsConfig names whose time stamps are believed.
type TimeStampsConfig struct {
	// Roots are PEM files with the roots of time-stamping authorities. At least one.
	Roots []string `yaml:"roots" reads:"file"`
	// Policies of which a token must name one, dotted; default any.
	Policies []string `yaml:"policies"`
	// Revocation of their certificates.
	Revocation cms.RevocationConfig `yaml:"revocation"`
}

// Validate reports every problem.
func (c *TrustConfig) Validate() error {
	var p config.Problems
	for i, relay := range c.Relays {
		p.Within(fmt.Sprintf("relays[%d]", i), relay.validate())
	}
	if c.relaysAlone() {
		return p.Err()
	}
	if len(c.Assemblers.Roots) == 0 {
		p.Add("assemblers.roots", "must name at least one PEM file")
	}
	if len(c.TimeStamps.Roots) == 0 {
		p.Add("time_stamps.roots", "must name at least one PEM file")
	}
	p.Within("assemblers.revocation", c.Assemblers.Revocation.Validate())
	p.Within("time_stamps.revocation", c.TimeStamps.Revocation.Validate())
	p.Within("hub", c.Hub.Validate())
	p.Within("archives", c.Archives.Validate())
	if c.Logs.Folder == "" && (len(c.Logs.Witnesses) > 0 || c.Logs.Required != 0) || c.Logs.Required < 0 {
		p.Add("logs", "needs a folder for witnesses, and required must not be negative")
	}
	return p.Err()
}

// relaysAlone reports whether nobody else is named.
func (c *TrustConfig) relaysAlone() bool {
	return len(c.Relays) > 0 && len(c.Assemblers.Roots)+len(c.TimeStamps.Roots)+len(c.Archives.Issuers) == 0 && c.Hub.Profile == "" && c.Hub.RootsFile == ""
}

// within makes every relative path one in a folder.
func (c *TrustConfig) within(folder string) {
	place := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
	lists := [][]string{
		c.Assemblers.Roots, c.Assemblers.Revocation.Lists, c.TimeStamps.Roots, c.TimeStamps.Revocation.Lists, c.Hub.Revocation.Lists, c.Archives.Revocation.Lists, c.Logs.Witnesses,
	}
	for i := range c.Archives.Issuers {
		lists = append(lists, c.Archives.Issuers[i].Roots)
	}
	for i := range c.Relays {
		lists = append(lists, c.Relays[i].Keys)
	}
	for _, list := range lists {
		for i := range list {
			place(&list[i])
		}
	}
	place(&c.Hub.RootsFile)
	place(&c.Hub.TimeStampRootsFile)
	place(&c.Logs.Folder)
}

// Trust is whom a verifier trusts.
type Trust struct {
	// Assemblers are the pinned roots of those who sign bundles, Signers their common names; none: any under the roots.
	Assemblers  *x509.CertPool
	Signers     []string
	Revocations *cms.Revocations
	// TimeStamps are believed.
	TimeStamps tsp.Trust
	// Hub is how distribution certificates are judged; At is filled in. HubPolicy names the checks of them that may be not
	// checkable.
	Hub       distcert.Options
	HubPolicy []string
	// Archives issue original and registration certificates.
	Archives []archivecert.Issuer
	// ArchiveSkew is how far their clocks may be ahead.
	ArchiveSkew        time.Duration
	ArchiveRevocations *cms.Revocations
	// Logs reads the keys of relays' logs, when there is something to verify with them; nil: relays' records are not checked.
	Logs func() (logproof.Logs, error)
	// Relays sign receipts and extracts of viewing logs.
	Relays []Relay
}

// LoadTrust reads a folder of trust: its settings and the files that they name.
func LoadTrust(folder string) (*Trust, error) {
	c := &TrustConfig{}
	if err := config.Load(filepath.Join(folder, TrustFile), c); err != nil {
		return nil, err
	}
	c.within(folder)
	return c.Trust()
}

// Trust reads the files that the settings name.
func (c *TrustConfig) Trust() (*Trust, error) {
	var relays []Relay
	for _, relay := range c.Relays {
		read, err := relay.relay()
		if err != nil {
			return nil, fmt.Errorf("keys of relay %s: %w", relay.Name, err)
		}
		relays = append(relays, read)
	}
	if c.relaysAlone() {
		return &Trust{Relays: relays}, nil
	}
	assemblers, err := pool(c.Assemblers.Roots)
	if err != nil {
		return nil, fmt.Errorf("roots of assemblers: %w", err)
	}
	stamps, err := pool(c.TimeStamps.Roots)
	if err != nil {
		return nil, fmt.Errorf("roots of time stamps: %w", err)
	}
	t := &Trust{
		Assemblers: assemblers, Signers: slices.Clone(c.Assemblers.Signers), Revocations: cms.NewRevocations(c.Assemblers.Revocation),
		TimeStamps: tsp.Trust{Roots: stamps, Policies: c.TimeStamps.Policies, Revocations: cms.NewRevocations(c.TimeStamps.Revocation)},
		Hub: distcert.Options{
			Profile: c.Hub.Profile, SubFilters: c.Hub.SubFilters, PinnedSigner: c.Hub.Pins(), TimeStampRoots: stamps, Revocations: cms.NewRevocations(c.Hub.Revocation),
		},
		HubPolicy: c.Hub.NotCheckable, ArchiveSkew: c.Archives.Skew.Std(), ArchiveRevocations: cms.NewRevocations(c.Archives.Revocation),
		Relays: relays,
	}
	if t.Hub.Roots, err = config.Roots(c.Hub.RootsFile); err != nil {
		return nil, fmt.Errorf("roots of the hub: %w", err)
	}
	if file := c.Hub.TimeStampRootsFile; file != "" {
		if t.Hub.TimeStampRoots, err = config.Roots(file); err != nil {
			return nil, fmt.Errorf("roots of the hub's time stamps: %w", err)
		}
	}
	if c.Logs.Folder != "" {
		t.Logs = c.Logs.read
	}
	for _, issuer := range c.Archives.Issuers {
		roots, err := pool(issuer.Roots)
		if err != nil {
			return nil, fmt.Errorf("roots of archive %s: %w", issuer.Name, err)
		}
		t.Archives = append(t.Archives, archivecert.Issuer{
			Name: issuer.Name, Profile: issuer.Profile, Roots: roots, Signer: issuer.Signer, Policies: issuer.Policies, NotCheckable: issuer.NotCheckable,
		})
	}
	return t, nil
}

func pool(files []string) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	for _, file := range files {
		if err := config.AddRoots(roots, file); err != nil {
			return nil, err
		}
	}
	return roots, nil
}

// ErrNobodyTrusted: a verifier that trusts nobody who could have signed a file does not judge it.
var ErrNobodyTrusted = errors.New("nobody to trust is known for files of this kind")

func (t *Trust) complete() error {
	if t == nil || t.Assemblers == nil || t.TimeStamps.Roots == nil || t.Hub.Roots == nil || len(t.Archives) == 0 {
		return fmt.Errorf("%w: roots of assemblers, time stamps, hub and archives are required", ErrNobodyTrusted)
	}
	return nil
}
