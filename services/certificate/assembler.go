package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/tsp"
)

// BundlesConfig says how certificate bundles are made. Without a signer none are.
type BundlesConfig struct {
	// Signer signs the bundles of this relay.
	Signer SignerConfig `yaml:"signer"`
	// TimeStamps are the authorities that stamp them.
	TimeStamps tsp.Config `yaml:"time_stamps"`
	// Archives says how original certificates are read.
	Archives archivecert.Config `yaml:"archives"`
	// Kept is how long the documents of an issued bundle are kept by this relay; default 10 years.
	Kept config.Duration `yaml:"kept"`
	// Renewal says when they are stamped again.
	Renewal RenewalConfig `yaml:"renewal"`
}

// SignerConfig is a key with its certificate.
type SignerConfig struct {
	// CertificateFile is a PEM file with the certificate and those between it and its root.
	CertificateFile string `yaml:"certificate_file" reads:"file"`
	// KeyFile is a PEM file with its private key (PKCS #8): P-256, P-384 or RSA from 2,048 bits.
	KeyFile string `yaml:"key_file" reads:"file"`
}

// validate reports every problem. Bundles are wanted whole or not at all.
func (c BundlesConfig) validate() error {
	var p config.Problems
	if c.Signer == (SignerConfig{}) {
		return nil
	}
	if c.Signer.CertificateFile == "" || c.Signer.KeyFile == "" {
		p.Add("signer", "needs certificate_file and key_file")
	}
	if len(c.TimeStamps.Authorities) == 0 {
		p.Add("time_stamps.authorities", "must name one: without a time stamp there is no bundle")
	}
	p.Within("time_stamps", c.TimeStamps.Validate())
	p.Within("archives", c.Archives.Validate())
	if c.Kept.Std() <= 0 {
		p.Add("kept", "must be positive")
	}
	p.Within("renewal", c.Renewal.validate())
	return p.Err()
}

// assembler signs and stamps bundles; the zero value makes none.
type assembler struct {
	signer   bundle.Signer
	stamper  bundle.Stamper
	archives *archivecert.Verifier
	kept     time.Duration
}

func (a *assembler) offered() bool { return a.stamper != nil }

func newAssembler(c BundlesConfig, clock archivecert.Clock) (a assembler, err error) {
	if c.Signer == (SignerConfig{}) {
		return a, nil
	}
	if a.signer, err = bundle.ReadSigner(c.Signer.CertificateFile, c.Signer.KeyFile); err != nil {
		return assembler{}, fmt.Errorf("read the bundles' signer: %w", err)
	}
	client, err := c.TimeStamps.Client(clock.Now)
	if err != nil {
		return assembler{}, err
	}
	if a.archives, err = c.Archives.New(clock); err != nil {
		return assembler{}, err
	}
	a.stamper, a.kept = client, c.Kept.Std()
	return a, nil
}

// stampError keeps an authority that is away apart from everything else that can go wrong.
type stampError struct{ cause error }

// Error says what the authority failed with.
func (e *stampError) Error() string { return "no time stamp: " + e.cause.Error() }

func (e *stampError) Unwrap() error { return e.cause }

type markedStamper struct{ bundle.Stamper }

// Stamp implements bundle.Stamper.
func (s markedStamper) Stamp(ctx context.Context, hash [32]byte) ([]byte, *tsp.Token, error) {
	der, token, err := s.Stamper.Stamp(ctx, hash)
	if err != nil {
		return nil, nil, &stampError{err}
	}
	return der, token, nil
}
