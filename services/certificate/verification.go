package certificate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/validation"
	"github.com/naru-relay/naru/pkg/viewinglog"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// VerificationConfig says how files are verified for anybody.
type VerificationConfig struct {
	// TrustDir is a folder with trust.yaml and the roots that it names; empty: nothing is verified.
	TrustDir string `yaml:"trust_dir"`
	// MaxBytes of a file; default 16 MiB. It is held in memory while it is verified.
	MaxBytes int64 `yaml:"max_bytes"`
	// AtOnce is how many are verified at once; default 2.
	AtOnce int `yaml:"at_once"`
	// Verifier is what signed reports call this relay; empty: none are signed.
	Verifier string `yaml:"verifier"`
	// Mark is written across the pages of signed reports, e.g. 시험용; default none.
	Mark string `yaml:"mark"`
}

const (
	maxVerifiedBytes         = 256 << 20
	maxVerifierName, maxMark = 60, 8
)

func (c VerificationConfig) validate() error {
	var p config.Problems
	if c.MaxBytes < 1 || c.MaxBytes > maxVerifiedBytes {
		p.Add("max_bytes", "must be 1 to %d", maxVerifiedBytes)
	}
	if c.AtOnce < 1 || c.AtOnce > 64 {
		p.Add("at_once", "must be 1 to 64")
	}
	if utf8.RuneCountInString(c.Verifier) > maxVerifierName || utf8.RuneCountInString(c.Mark) > maxMark {
		p.Add("verifier", "has up to %d characters, mark up to %d", maxVerifierName, maxMark)
	}
	return p.Err()
}

// verifier verifies files that anybody presents. Nothing of them is kept.
type verifier struct {
	certificatev1.UnsafeVerificationServiceServer
	config VerificationConfig
	trust  *bundle.Trust // nil: nothing is verified
	free   *semaphore.Weighted
	clock  clock.Clock
	// reports signs reports; without a stamper none.
	reports validation.Options
}

func newVerifier(c VerificationConfig, clock clock.Clock, by assembler) (*verifier, error) {
	v := &verifier{config: c, clock: clock, reports: validation.Options{Signer: by.signer, Stamper: by.stamper, Verifier: c.Verifier, Mark: c.Mark}, free: semaphore.NewWeighted(int64(c.AtOnce))}
	if c.TrustDir == "" {
		return v, nil
	}
	var err error
	v.trust, err = bundle.LoadTrust(c.TrustDir)
	return v, err
}

var _ certificatev1.VerificationServiceServer = (*verifier)(nil)

// VerifyFile verifies a bundle, or something by itself.
func (v *verifier) VerifyFile(stream grpc.ClientStreamingServer[certificatev1.VerifyFileRequest, certificatev1.VerifyFileResponse]) error {
	if v.trust == nil {
		return verificationNotOffered()
	}
	if !v.free.TryAcquire(1) {
		return tooManyVerifications()
	}
	defer v.free.Release(1)
	var file bytes.Buffer
	document, sign := "", false
	for first := true; ; first = false {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if first {
			document = r.GetDocumentHash()
		}
		if sign = sign || r.GetSignedReport(); sign && !v.signs() {
			return signedReportUnavailable(nil)
		}
		if int64(file.Len()+len(r.GetData())) > v.config.MaxBytes {
			return fileTooLarge(v.config.MaxBytes)
		}
		file.Write(r.GetData())
	}
	report, err := bundle.Verify(stream.Context(), bytes.NewReader(file.Bytes()), int64(file.Len()), bundle.Options{Trust: v.trust, At: v.clock.Now(), Document: document})
	switch {
	case errors.Is(err, bundle.ErrNobodyTrusted):
		return kindNotOffered()
	case err != nil:
		return fault.New(fault.Internal, domain, nil, "", fault.Wrap(err))
	}
	response := &certificatev1.VerifyFileResponse{Report: reportOf(report)}
	if sign {
		if response.Report.SignedReport, err = validation.Sign(stream.Context(), report, v.reports); err != nil {
			return signedReportUnavailable(err)
		}
	}
	return stream.SendAndClose(response)
}

// signs reports whether reports are signed here.
func (v *verifier) signs() bool { return v.reports.Stamper != nil && v.reports.Verifier != "" }

// GetVerificationLimits tells what may be verified here.
func (v *verifier) GetVerificationLimits(context.Context, *certificatev1.GetVerificationLimitsRequest) (*certificatev1.GetVerificationLimitsResponse, error) {
	limits := &certificatev1.GetVerificationLimitsResponse{}
	if v.trust != nil {
		limits.FileBytes, limits.SignedReports = v.config.MaxBytes, v.signs()
	}
	for _, d := range bundle.Definitions() {
		limits.Checks = append(limits.Checks, &certificatev1.ValidationCheck{Id: d.ID, Step: int32(d.Step), Korean: d.Korean, English: d.English}) //nolint:gosec // 1-9
	}
	return limits, nil
}

func reportOf(r *bundle.Report) *certificatev1.ValidationReport {
	out := &certificatev1.ValidationReport{
		Format: r.Format, Kind: string(r.Kind), Valid: r.Valid, Digest: r.Digest, Size: r.Size, VerifiedAt: timestamppb.New(r.VerifiedAt), EvidenceAt: moment(r.EvidenceAt),
	}
	if b := r.Bundle; b != nil && b.EdocNum != "" {
		out.Bundle = &certificatev1.BundleSummary{
			Serial: b.Serial, EdocNum: b.EdocNum, CertNum: b.CertNum, Sender: b.Sender.Address, Recipient: b.Recipient.Address,
			SentAt: timestamppb.New(b.SentAt), ReceivedAt: timestamppb.New(b.ReceivedAt), ReadAt: moment(b.ReadAt), Assembler: b.Assembler, StampedUntil: moment(b.StampedUntil),
		}
		for _, step := range b.Timeline {
			out.Bundle.Timeline = append(out.Bundle.Timeline, &certificatev1.TimelineStep{Kind: step.Kind, At: timestamppb.New(step.At)})
		}
	}
	if s := r.Receipt; s != nil {
		out.Receipt = &certificatev1.ReceiptSummary{Relay: s.Relay, EdocNum: s.EdocNum, DocumentHash: s.DocumentHash.Value, OwnKey: s.OwnKey, Sender: s.Sender}
		if at, known := s.Accepted(); known {
			out.Receipt.AcceptedAt = timestamppb.New(at)
		}
	}
	if l := r.ViewingLog; l != nil {
		opened, readAt := l.Opened()
		out.ViewingLog = &certificatev1.ViewingLogSummary{
			Relay: l.Relay, EdocNum: l.EdocNum, DocumentHash: l.DocumentHash.Value, MadeAt: momentOf(l.MadeAt), Party: string(l.For),
			Entries: int32(len(l.Entries)), Opened: int32(opened), ReadAt: momentOf(readAt), //nolint:gosec // a file is bounded
		}
	}
	for _, c := range r.Checks {
		words := bundle.DefinitionOf(c.ID)
		out.Checks = append(out.Checks, &certificatev1.ValidationCheck{
			Id: c.ID, Step: int32(c.Step), Outcome: outcomeOf(c.Outcome), Subject: c.Subject, Detail: c.Detail, Korean: words.Korean, English: words.English, //nolint:gosec // 1-9
		})
	}
	return out
}

func moment(at *time.Time) *timestamppb.Timestamp {
	if at == nil {
		return nil
	}
	return timestamppb.New(*at)
}

// momentOf is a time as an extract writes it; none for what is not one.
func momentOf(text string) *timestamppb.Timestamp {
	at, err := viewinglog.ParseTime(text)
	if err != nil {
		return nil
	}
	return timestamppb.New(at)
}

func outcomeOf(o proof.Outcome) certificatev1.CheckOutcome {
	switch o {
	case proof.Passed:
		return certificatev1.CheckOutcome_CHECK_OUTCOME_PASSED
	case proof.NotCheckable:
		return certificatev1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKABLE
	default:
		return certificatev1.CheckOutcome_CHECK_OUTCOME_FAILED
	}
}
