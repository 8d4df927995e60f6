// Package demo runs the whole paths of the guide's sections 5.1 and 5.2 against a relay that it starts itself. System-centred a
// document is registered at the archive, stored for viewing, sent, received, viewed, registered at the hub and certified.
// Platform-centred it is handed over, and the relay deposits and shows it. Both certificates are verified.
//
// All data is invented and belongs to the sandbox. Run always stops what it started and removes a temporary folder.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
)

// Options of Run. Clock, Steps and Notes are required.
type Options struct {
	// Model says which path is run.
	Model Model
	// Document is the PDF to send; empty means a generated one.
	Document string
	// Narud is the program to start; empty means the one beside this program or on the path.
	Narud string
	// Data is the folder to run in. It must be new or empty, and is kept. Empty means a temporary folder.
	Data string
	// Out is the folder for the distribution certificate; it is created if missing.
	Out string
	// Keep keeps a temporary folder.
	Keep  bool
	Clock clock.Clock
	// Steps gets one line for each finished step. Notes gets everything else for people.
	Steps, Notes io.Writer
}

// StepError names the step that failed.
type StepError struct {
	Step  string
	Cause error
}

// Error names step and cause.
func (e *StepError) Error() string { return e.Step + ": " + e.Cause.Error() }

// Unwrap gives the cause.
func (e *StepError) Unwrap() error { return e.Cause }

// Run runs the demo. It returns a result only if every step succeeded and everything was stopped.
func Run(ctx context.Context, o Options) (_ *Result, err error) {
	out, err := filepath.Abs(o.Out)
	if err != nil {
		return nil, fmt.Errorf("find the folder for the certificate: %w", err)
	}
	narud, err := findNarud(o.Narud)
	if err != nil {
		return nil, err
	}
	dir, remove, err := prepare(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	w := &walk{options: o, out: out, dir: dir}
	defer func() { err = errors.Join(err, w.stop(context.WithoutCancel(ctx))) }()
	if err := w.start(ctx, narud); err != nil {
		return nil, err
	}
	for _, path := range w.paths(o.Model) {
		w.result = Result{}
		for _, s := range path {
			if err := w.do(ctx, s); err != nil {
				return nil, err
			}
		}
		w.note("", "Done: sent, received, viewed and certified; every check passed (시험용: nothing of it is legally effective).",
			"  document     "+w.issuedFile, "  certificate  "+w.result.CertificateFile, "  bundle       "+w.result.BundleFile,
			"  verify it    naru verify "+w.result.BundleFile+" --trust "+w.result.TrustFolder, "")
	}
	w.note("What was started is being stopped. The last line of the output is the same as JSON.")
	return &w.result, nil
}

// prepare makes the folder and returns a function that removes it.
func prepare(o Options) (dir string, remove func() error, err error) {
	keep := func() error { return nil }
	if o.Data != "" {
		if dir, err = filepath.Abs(o.Data); err != nil {
			return "", nil, fmt.Errorf("find data folder: %w", err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // see below
			return "", nil, fmt.Errorf("make data folder: %w", err)
		}
		found, err := os.ReadDir(dir)
		if err != nil {
			return "", nil, fmt.Errorf("read data folder: %w", err)
		}
		if len(found) > 0 {
			return "", nil, fmt.Errorf("the data folder %s is not empty; a demo begins with nothing", dir)
		}
		return dir, keep, nil
	}
	if dir, err = os.MkdirTemp("", "naru-demo-"); err != nil {
		return "", nil, fmt.Errorf("make data folder: %w", err)
	}
	if os.Geteuid() == 0 {
		// If we run as root, the private PostgreSQL runs as another user, who must be able to traverse this folder. That user
		// cannot read the secrets below it.
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above
			return "", nil, errors.Join(fmt.Errorf("make data folder: %w", err), os.RemoveAll(dir))
		}
	}
	if o.Keep {
		return dir, keep, nil
	}
	return dir, func() error {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove data folder: %w", err)
		}
		return nil
	}, nil
}

// step is one line of the demo.
type step struct {
	// name is the guide's name of the step; parties says who calls whom.
	name, parties string
	run           func(ctx context.Context) (detail string, err error)
}

func (w *walk) do(ctx context.Context, s step) error {
	started := w.options.Clock.Now()
	detail, err := s.run(ctx)
	if err != nil {
		return &StepError{Step: s.name, Cause: err}
	}
	took := w.options.Clock.Now().Sub(started).Round(time.Millisecond)
	if _, err := fmt.Fprintf(w.options.Steps, "%s  %s  %s  (%s)\n", s.name, s.parties, detail, took); err != nil {
		return fmt.Errorf("write step: %w", err)
	}
	return nil
}

// start starts narud. If narud does not become ready, the last lines of its log explain why.
func (w *walk) start(ctx context.Context, narud string) error {
	return w.do(ctx, step{"준비 나루 기동", "naru → narud", func(ctx context.Context) (string, error) {
		w.note("starting narud; its log is " + filepath.Join(w.dir, logName) + " …")
		var err error
		if w.child, err = startChild(narud, w.dir); err != nil {
			return "", err
		}
		if err := w.open(ctx); err != nil {
			w.note(w.child.lastWords()...)
			return "", err
		}
		return fmt.Sprintf("REST %s, data %s", w.endpoints.REST, w.dir), nil
	}})
}

func (w *walk) stop(ctx context.Context) error {
	if w.child == nil {
		return nil
	}
	err := w.child.stop(ctx)
	if err != nil {
		w.note(w.child.lastWords()...)
	}
	if w.options.Keep || w.options.Data != "" {
		w.note("data folder kept: " + w.dir)
	}
	return err
}

func (w *walk) note(lines ...string) {
	for _, line := range lines {
		_, _ = fmt.Fprintln(w.options.Notes, line) // a failed write of a note has nowhere to be reported
	}
}
