package cli

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/validation"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// reportFlags say how the report of a verification is written as a PDF (검증보고서).
type reportFlags struct {
	Report     string   `type:"path" placeholder:"FILE" help:"Write the report as a PDF, too (검증보고서). The file must not exist. Without --signer it is not signed, and says so."`
	Signer     string   `type:"existingfile" placeholder:"FILE" help:"PEM certificate, with those between it and its root, of who signs the report."`
	Key        string   `type:"existingfile" placeholder:"FILE" help:"PEM key of that certificate (PKCS #8)."`
	TimeStamps []string `placeholder:"URL" help:"Time-stamping authority (RFC 3161) for the signature, one that --trust names; repeatable, the next is asked where one does not answer."`
	Language   string   `enum:"both,ko,en" default:"both" help:"Language of the report: ko, en or both."`
}

func (f reportFlags) check() error {
	signs := f.Signer != ""
	switch {
	case signs != (f.Key != "") || signs != (len(f.TimeStamps) > 0):
		return usage("--signer, --key and --time-stamps go together: a report is signed and stamped, or neither")
	case f.Report == "" && (signs || f.Language != "both"):
		return usage("--report names no file")
	default:
		return nil
	}
}

// reporter writes a report; one without a file writes none.
type reporter struct {
	out  *output
	opts validation.Options
	sign bool
}

// reporter reads what is needed before anything is verified, and keeps the place of the file.
func (f reportFlags) reporter(a *app, trust *bundle.Trust) (*reporter, error) {
	r := &reporter{sign: f.Signer != "", opts: validation.Options{Verifier: "naru verify " + unit.Version()}}
	if f.Report == "" {
		return r, nil
	}
	if f.Language != "both" {
		r.opts.Language = validation.Language(f.Language)
	}
	if r.sign {
		if err := f.signer(a, trust, &r.opts); err != nil {
			return nil, err
		}
	}
	var err error
	r.out, err = reserve(f.Report, false)
	return r, err
}

func (f reportFlags) signer(a *app, trust *bundle.Trust, opts *validation.Options) (err error) {
	if trust.TimeStamps.Roots == nil {
		return errors.New("--trust names no time-stamping authority: the report cannot be stamped")
	}
	if opts.Signer, err = bundle.ReadSigner(f.Signer, f.Key); err != nil {
		return err
	}
	named := opts.Signer.Chain[0].Subject
	opts.Verifier = cmp.Or(named.CommonName, named.String())
	client, err := endpoints.HTTP(a.CAFile)
	if err != nil {
		return fmt.Errorf("read roots to trust: %w", err)
	}
	var authorities []tsp.Authority
	for _, address := range f.TimeStamps {
		authorities = append(authorities, tsp.Authority{Name: address, URL: address, HTTP: client, Trust: trust.TimeStamps})
	}
	opts.Stamper, err = tsp.NewClient(a.clock.Now, authorities...)
	return err
}

// write writes the report.
func (r *reporter) write(a *app, report *bundle.Report) error {
	if r.out == nil {
		return nil
	}
	var content []byte
	var err error
	if r.sign {
		content, err = validation.Sign(a.ctx, report, r.opts)
	} else {
		content, err = validation.Unsigned(report, r.opts)
	}
	if err == nil {
		err = r.out.fill(content, 0o644)
	}
	if err != nil {
		return unseenError{fmt.Errorf("the report is not written: %w", err)}
	}
	return nil
}

func (r *reporter) drop() error {
	if r.out == nil {
		return nil
	}
	return r.out.drop()
}
