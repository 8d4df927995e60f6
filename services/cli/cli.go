package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/unit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// Exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Globals are the flags of every command.
type Globals struct {
	Endpoints   string           `placeholder:"FILE" env:"NARU_ENDPOINTS" help:"Endpoint file of narud. Default: naru.json in its default data folder (${endpoints})."`
	REST        string           `name:"rest" placeholder:"URL" env:"NARU_REST" help:"Address of the relay's REST door, instead of the endpoint file's."`
	CAFile      string           `name:"ca-file" placeholder:"FILE" type:"existingfile" help:"PEM roots to trust besides the machine's."`
	Credentials string           `placeholder:"FILE" env:"NARU_CREDENTIALS" help:"JSON file {\"clientId\", \"clientSecret\"}. Without it: the environment's NARU_CLIENT_ID and NARU_CLIENT_SECRET."`
	JSON        bool             `name:"json" help:"Write the result as JSON."`
	Timeout     time.Duration    `default:"5m" help:"How long the command may take in all."`
	Version     kong.VersionFlag `help:"Show the version, and exit."`
}

type commands struct {
	Globals

	Demo        demoCommand        `cmd:"" help:"Start a relay with its sandbox, run the whole path of the guide (5.1.1 and 5.1.2) with one PDF, and stop."`
	Send        sendCommand        `cmd:"" help:"Send a document: hash it, register it, store it for viewing, send it, check the receipt."`
	Batch       batchCommand       `cmd:"" help:"Send many documents, each with its own outcome."`
	Status      statusCommand      `cmd:"" help:"Tell what became of documents."`
	Documents   documentsCommand   `cmd:"" help:"List documents by the time they were accepted."`
	Progress    progressCommand    `cmd:"" help:"Count the documents of a batch by state."`
	Timeline    timelineCommand    `cmd:"" help:"Tell everything that happened to a document."`
	Cancel      cancelCommand      `cmd:"" help:"Stop a document before it is received."`
	Figures     figuresCommand     `cmd:"" help:"Get the certificate of a month's figures (전자문서 유통정보 수치 확인서) of the own address as PDF."`
	Certificate certificateCommand `cmd:"" help:"Get the distribution certificate (유통증명서) of a document as PDF."`
	Bundle      bundleCommand      `cmd:"" help:"Get the certificate bundle (전자증명서) of a document, or assemble it."`
	ViewingLog  viewingLogCommand  `cmd:"" help:"Get a signed extract of the viewing log (열람 기록) of a document."`
	Verify      verifyFileCommand  `cmd:"" help:"Verify a certificate bundle (전자증명서), a certificate, a receipt (접수증) or a viewing log, also without a relay."`
	Limits      limitsCommand      `cmd:"" help:"Show the limits of a relay."`

	Authorisation authorisationCommand `cmd:"" help:"What agents (송신대행자) may send for a sender."`

	Institution       institutionCommand       `cmd:"" help:"Manage sending institutions (for operators)."`
	Agent             agentCommand             `cmd:"" help:"Manage agents, who send for others (for operators)."`
	AuthorisationKeys authorisationKeysCommand `cmd:"" name:"authorisation-keys" help:"Register the keys with which an institution authorises agents (for operators)."`
	ViewingSystem     viewingSystemCommand     `cmd:"" help:"Manage viewing systems (for operators)."`
	ArchiveMember     archiveMemberCommand     `cmd:"" help:"Members of the sandbox's archive."`
	Member            memberCommand            `cmd:"" help:"Recipients of the sandbox."`
	Organisation      organisationCommand      `cmd:"" help:"Organisations as recipients (for operators)."`
	Address           addressCommand           `cmd:"" help:"Certified addresses that the hub refuses, or has otherwise than this relay (for operators)."`
	Name              nameCommand              `cmd:"" help:"Changes of names that the hub does not have (for operators)."`
	Identity          identityCommand          `cmd:"" help:"Identities of recipients (for operators)."`
	Queue             queueCommand             `cmd:"" help:"Hub calls that wait for a person (for operators)."`
	Parked            parkedCommand            `cmd:"" help:"Events that units gave up on (for operators)."`
	Notice            noticeCommand            `cmd:"" help:"Notices that recipients have not got (for operators)."`
	Invitation        invitationCommand        `cmd:"" aliases:"invitations" help:"Invitations to join that could not be given (for operators)."`
	Deposit           depositCommand           `cmd:"" aliases:"deposits" help:"Documents that are not deposited at the archive (for operators)."`
	Held              heldCommand              `cmd:"" help:"Frames that journals hold back because their time is not now (for operators)."`
	Hold              holdCommand              `cmd:"" help:"Legal holds: what is kept beyond its retention time (for operators)."`
	Audit             auditCommand             `cmd:"" help:"Hold everything the relay keeps against what was stated (for operators)."`
	Evidence          evidenceCommand          `cmd:"" help:"Evidence of a relay (for operators and auditors)."`
	Mirror            mirrorCommand            `cmd:"" help:"Keep a copy of a relay's public logs, and find out when its history changes (for anybody)."`
	Witness           witnessCommand           `cmd:"" help:"Cosign the logs of another relay, which cannot change its history without this witness (for whoever is asked to)."`
	Units             unitsCommand             `cmd:"" help:"List the units of a relay (for operators)."`
}

const description = `Works with a Naru relay: documents are sent, followed and certified over its REST door.

Exit codes: 0 done, 1 not done, 2 wrong usage (audit, evidence, mirror and verify: their own, see their help). Secrets are read from files or the environment, never from the command line.

Examples:
  naru demo --doc notice.pdf
  naru institution add --sandbox --name 시험용나루터 --business-number 0001234560 --type public-institution --address ferry-1 --out sender.json
  naru member join --person ferry
  naru send --credentials sender.json --doc notice.pdf --to-ci-file ci.txt --title '안내문'
  naru status --credentials sender.json 20260302_NARU000001_0000000000001
  naru certificate --credentials sender.json 20260302_NARU000001_0000000000001 --reason '제출용' --out certificate.pdf
  naru verify certificate.asice --document notice.pdf`

// app is one run of the command line.
type app struct {
	Globals
	ctx context.Context //nolint:containedctx // kong hands commands one value
	// unlimited is ctx without --timeout, for what runs until it is interrupted.
	unlimited context.Context //nolint:containedctx // as ctx
	stdout    io.Writer
	stderr    io.Writer
	clock     clock.Clock
	getenv    func(string) string
}

// Main runs the command and returns its exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return run(&app{ctx: ctx, unlimited: ctx, stdout: stdout, stderr: stderr, clock: clock.System(), getenv: os.Getenv}, args)
}

func run(a *app, args []string) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("naru"), kong.Description(description), kong.Writers(a.stdout, a.stderr),
		kong.Exit(func(code int) {
			if exited < 0 {
				exited = code
			}
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Vars{"endpoints": endpoints.DefaultFolder() + "/" + endpoints.FileName, "version": unit.Version(),
			"witnessedWithin": journal.DefaultWitnessedWithin.String(),
			"sandboxHub":      distcert.ProfileSandbox, "pinnedSigner": distcert.ProfilePinnedSigner,
			"documentStates": words(statusv1.DocumentState(0)), "organisationTypes": words(addressv1.OrganisationType(0)),
			"documentTypes": words(platformv1.DocumentType(0)), "documentCategories": words(platformv1.DocumentCategory(0)),
			"subFilters": distcert.SubFilterPAdES + "," + distcert.SubFilterPKCS7})
	if err != nil {
		a.tell("naru: %v", err)
		return ExitFailed
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help and --version have printed everything
		return exited
	}
	if err != nil {
		a.tell("naru: %v\nTry naru --help.", err)
		return ExitUsage
	}
	a.Globals = c.Globals
	var cancel context.CancelFunc
	a.ctx, cancel = context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	return a.code(parsed.Run(a))
}

// usageError is a wrong usage that the parser cannot detect.
type usageError struct{ text string }

// Error says what is wrong.
func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// code prints an error and returns the exit code.
func (a *app) code(err error) int {
	if err == nil {
		return ExitOK
	}
	if errors.Is(err, errDiffers) {
		return ExitFailed
	}
	for _, line := range explain(err) {
		a.tell("%s", line)
	}
	var wrong *usageError
	var unseen unseenError
	if errors.As(err, &wrong) || errors.As(err, &unseen) {
		return ExitUsage
	}
	return ExitFailed
}
