package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/limits"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/text"
)

const (
	// Format is the name of the statement's format.
	Format = "naru-bundle/1"
	// MediaType of a bundle.
	MediaType = asic.MediaType
	// Extension of the file names of bundles.
	Extension = ".asice"

	hashAlgorithm     = limits.HashAlgorithm
	maxStatementBytes = 256 << 10
	maxParts          = 400
)

// Form is how much a bundle holds.
type Form string

// The forms.
const (
	// Submission holds the guide's three: document, original certificate and distribution certificate.
	Submission Form = "submission"
	// Evidence also holds what leads to them: registration certificate, timeline, raw answers of the hub, and proofs from the
	// journals.
	Evidence Form = "evidence"
)

// Role is what a part is.
type Role string

// The roles.
const (
	RoleDocument     Role = "document"
	RoleAttachment   Role = "attachment"
	RoleDistribution Role = "distribution_certificate"
	RoleOriginal     Role = "original_certificate"
	RoleRegistration Role = "registration_certificate"
	RoleTimeline     Role = "timeline"
	RoleHubAnswer    Role = "hub_answer"
	RoleJournalProof Role = "journal_proof"
)

// Part is a file of the bundle.
type Part struct {
	Role Role `json:"role"`
	// Path in the container.
	Path      string `json:"path"`
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"`
	// Hash is SHA-256, lower-case hexadecimal.
	Hash string `json:"hash"`
}

// Party is the sender or the recipient, as the circulation record (유통정보) has it.
type Party struct {
	// Address is the certified address (공인전자주소), 1 to 100 characters.
	Address string `json:"address"`
	// PlatformID of the party's relay, 1 to 25 characters.
	PlatformID string `json:"platformId"`
}

// Circulation is the circulation record as the assembler knows it.
type Circulation struct {
	Sender, Recipient Party
	// SentAt ≤ ReceivedAt ≤ ReadAt; ReadAt is zero for a document that was not read.
	SentAt, ReceivedAt, ReadAt time.Time
}

// Statement says what a bundle holds and what it is about. It holds no name, title or reason: these stand in the distribution
// certificate.
type Statement struct {
	// Serial of the bundle, a UUID.
	Serial  string
	Form    Form
	EdocNum string
	// CertNum is the number of the distribution certificate, YYYY-MMDD-NNNN-NNNN.
	CertNum string
	// Applicant is the certified address of the party that the distribution certificate was issued to.
	Applicant   string
	Circulation Circulation
	// AttachmentHashes of the document, SHA-256 in lower-case hexadecimal, in their order: of those, too, whose bytes are not
	// in the bundle.
	AttachmentHashes []string
	// Parts in the order of the container: the document, attachments, and the rest.
	Parts []Part
}

type wireCirculation struct {
	Sender     Party  `json:"sender"`
	Recipient  Party  `json:"recipient"`
	SentAt     string `json:"sentAt"`
	ReceivedAt string `json:"receivedAt"`
	ReadAt     string `json:"readAt,omitempty"`
}

// wire is the JSON form; the order of its fields is the order of the encoding.
type wire struct {
	Format        string          `json:"format"`
	Serial        string          `json:"serial"`
	Form          Form            `json:"form"`
	EdocNum       string          `json:"edocNum"`
	CertNum       string          `json:"certNum"`
	Applicant     string          `json:"applicant"`
	Circulation   wireCirculation `json:"circulation"`
	HashAlgorithm string          `json:"hashAlgorithm"`
	// Attachments are the hashes of all of them.
	Attachments []string `json:"attachmentHashes,omitempty"`
	Parts       []Part   `json:"parts"`
}

// Encode writes the one encoding of the statement.
func (s Statement) Encode() ([]byte, error) {
	w := wire{
		Format: Format, Serial: s.Serial, Form: s.Form, EdocNum: s.EdocNum, CertNum: s.CertNum, Applicant: s.Applicant, HashAlgorithm: hashAlgorithm,
		Circulation: wireCirculation{
			Sender: s.Circulation.Sender, Recipient: s.Circulation.Recipient,
			SentAt: moment(s.Circulation.SentAt), ReceivedAt: moment(s.Circulation.ReceivedAt), ReadAt: moment(s.Circulation.ReadAt),
		},
		Attachments: s.AttachmentHashes, Parts: s.Parts,
	}
	if _, err := w.statement(); err != nil {
		return nil, err
	}
	return proof.Encode(w)
}

func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return proof.Time(at)
}

// DecodeStatement reads what Encode writes, and nothing else. Errors repeat nothing of the content.
func DecodeStatement(encoded []byte) (*Statement, error) {
	if len(encoded) > maxStatementBytes {
		return nil, errors.New("statement is too large")
	}
	var w wire
	if err := proof.Decode(encoded, &w); err != nil {
		return nil, err
	}
	if w.Format != Format {
		return nil, errors.New("format of the statement is unknown")
	}
	return w.statement()
}

var (
	serialPattern   = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	edocNumPattern  = regexp.MustCompile(`^[0-9]{8}_[A-Za-z0-9]{10}_[0-9]{13}$`)
	certNumPattern  = regexp.MustCompile(`^[0-9]{4}(-[0-9]{4}){3}$`)
	platformPattern = regexp.MustCompile(`^[!-~]{1,25}$`)
	mediaPattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$^_.+-]{0,60}/[a-z0-9][a-z0-9!#$^_.+-]{0,60}$`)
)

// statement checks every field.
func (w wire) statement() (*Statement, error) {
	switch {
	case !serialPattern.MatchString(w.Serial):
		return nil, errors.New("serial of the statement")
	case w.Form != Submission && w.Form != Evidence:
		return nil, errors.New("form of the statement")
	case !edocNumPattern.MatchString(w.EdocNum) || !certNumPattern.MatchString(w.CertNum):
		return nil, errors.New("numbers of the statement")
	case w.HashAlgorithm != hashAlgorithm:
		return nil, errors.New("hash algorithm of the statement")
	case !address(w.Applicant) || !w.Circulation.Sender.valid() || !w.Circulation.Recipient.valid():
		return nil, errors.New("parties of the statement")
	}
	s := &Statement{
		Serial: w.Serial, Form: w.Form, EdocNum: w.EdocNum, CertNum: w.CertNum, Applicant: w.Applicant, Parts: w.Parts, AttachmentHashes: w.Attachments,
		Circulation: Circulation{Sender: w.Circulation.Sender, Recipient: w.Circulation.Recipient},
	}
	for _, field := range []struct {
		written string
		into    *time.Time
	}{{w.Circulation.SentAt, &s.Circulation.SentAt}, {w.Circulation.ReceivedAt, &s.Circulation.ReceivedAt}, {w.Circulation.ReadAt, &s.Circulation.ReadAt}} {
		if field.written == "" && field.into == &s.Circulation.ReadAt {
			continue
		}
		at, err := proof.ParseTime(field.written)
		if err != nil {
			return nil, errors.New("times of the statement")
		}
		*field.into = at
	}
	return s, s.checkParts()
}

// count of the parts of each role: at least, at most.
func (f Form) counts() map[Role][2]int {
	counts := map[Role][2]int{
		RoleDocument: {1, 1}, RoleAttachment: {0, limits.Attachments}, RoleDistribution: {1, 1}, RoleOriginal: {1, 1},
	}
	if f == Evidence {
		counts[RoleRegistration], counts[RoleTimeline] = [2]int{1, 1}, [2]int{1, 1}
		counts[RoleHubAnswer], counts[RoleJournalProof] = [2]int{0, maxParts}, [2]int{1, maxParts}
	}
	return counts
}

func (s *Statement) checkParts() error {
	if len(s.Parts) > maxParts {
		return errors.New("too many parts in the statement")
	}
	found := map[Role]int{}
	for i, p := range s.Parts {
		found[p.Role]++
		hash, ok := proof.Hash(p.Hash)
		if p.Role == RoleAttachment && p.inPlace() && (p.attachment() < 1 || p.attachment() > len(s.AttachmentHashes)) {
			return errors.New("an attachment that the statement does not list")
		}
		if !ok || hash != p.Hash || p.Size < 0 || !mediaPattern.MatchString(p.MediaType) || !p.inPlace() {
			return errors.New("part of the statement")
		}
		if i > 0 && !s.Parts[i-1].before(p) {
			return errors.New("the parts of the statement are out of order, or an attachment is there twice")
		}
	}
	if len(s.AttachmentHashes) > limits.Attachments {
		return errors.New("too many attachments in the statement")
	}
	for _, given := range s.AttachmentHashes {
		if hash, ok := proof.Hash(given); !ok || hash != given {
			return errors.New("attachments of the statement")
		}
	}
	counts := s.Form.counts()
	for role, n := range found {
		if _, known := counts[role]; !known || n > counts[role][1] {
			return errors.New("parts that this form of bundle does not hold")
		}
	}
	for role, bounds := range counts {
		if found[role] < bounds[0] {
			return errors.New("parts that this form of bundle holds are missing")
		}
	}
	return nil
}

// Of lists the parts of a role.
func (s *Statement) Of(role Role) []Part {
	var parts []Part
	for _, p := range s.Parts {
		if p.Role == role {
			parts = append(parts, p)
		}
	}
	return parts
}

// Attachment is the part with the bytes of an attachment, counted from 1; zero if they are not in the bundle.
func (s *Statement) Attachment(n int) Part {
	for _, p := range s.Parts {
		if p.Role == RoleAttachment && p.attachment() == n {
			return p
		}
	}
	return Part{}
}

// attachment is the number of an attachment, from its path.
func (p Part) attachment() int {
	n, err := strconv.Atoi(p.Path[len(attachmentPrefix) : len(attachmentPrefix)+2])
	if err != nil {
		return 0
	}
	return n
}

// AttachmentPath is where an attachment, counted from 1, stands; extension has no dot.
func AttachmentPath(n int, extension string) string {
	return fmt.Sprintf("%s%02d.%s", attachmentPrefix, n, extension)
}

// DocumentPath is where the document stands; extension has no dot.
func DocumentPath(extension string) string { return documentPrefix + extension }

// IsDocument reports whether a file of the container is the document.
func IsDocument(name string) bool { return strings.HasPrefix(name, documentPrefix) }

const (
	// DistributionPath and OriginalPath are where the certificates stand.
	DistributionPath = "certificates/distribution.pdf"
	OriginalPath     = "certificates/original.p7m"

	documentPrefix   = "document/document."
	attachmentPrefix = "document/attachment"
	journalPrefix    = "evidence/journal/"
)

// One is the only part of a role; zero if there is none.
func (s *Statement) One(role Role) Part {
	for _, p := range s.Parts {
		if p.Role == role {
			return p
		}
	}
	return Part{}
}

// folders of the parts.
var folders = map[Role]*regexp.Regexp{
	RoleDocument:     regexp.MustCompile(`^document/document\.[a-z0-9]{1,8}$`),
	RoleAttachment:   regexp.MustCompile(`^document/attachment[0-9]{2}\.[a-z0-9]{1,8}$`),
	RoleDistribution: regexp.MustCompile(`^certificates/distribution\.pdf$`),
	RoleOriginal:     regexp.MustCompile(`^certificates/original\.p7m$`),
	RoleRegistration: regexp.MustCompile(`^certificates/registration\.p7m$`),
	RoleTimeline:     regexp.MustCompile(`^evidence/timeline\.json$`),
	RoleHubAnswer:    regexp.MustCompile(`^evidence/hub/[0-9]{3}\.http$`),
	RoleJournalProof: regexp.MustCompile(`^evidence/journal/[a-z]{1,20}[0-9]{3}\.json$`),
}

func (p Part) inPlace() bool {
	pattern := folders[p.Role]
	return pattern != nil && pattern.MatchString(p.Path)
}

// order of the parts in a container.
var order = []Role{RoleDocument, RoleAttachment, RoleDistribution, RoleOriginal, RoleRegistration, RoleTimeline, RoleHubAnswer, RoleJournalProof}

// before reports whether another part may stand behind this one; both are in place. Attachments and the hub's answers are in the
// order of their numbers, each once; proofs are in the order in which the units state things.
func (p Part) before(other Part) bool {
	if p.Role != other.Role {
		return slices.Index(order, p.Role) < slices.Index(order, other.Role)
	}
	switch p.Role {
	case RoleAttachment:
		return p.attachment() < other.attachment()
	case RoleHubAnswer:
		return p.Path < other.Path
	default:
		return p.Path != other.Path
	}
}

// ofUnit reports whether a proof's path is one of a unit.
func (p Part) ofUnit(unit string) bool {
	name := strings.TrimPrefix(p.Path, journalPrefix)
	return len(name) == len(unit)+len("001.json") && strings.HasPrefix(name, unit)
}

func (p Party) valid() bool { return address(p.Address) && platformPattern.MatchString(p.PlatformID) }

func address(given string) bool {
	line, ok := text.Line(given)
	n := utf8.RuneCountInString(line)
	return ok && line == given && n >= 1 && n <= 100
}
