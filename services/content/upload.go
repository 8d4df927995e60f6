package content

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// State of an upload (doc.go draws them).
type State string

// The states.
const (
	Receiving State = "RECEIVING"
	Checking  State = "CHECKING"
	Ready     State = "READY"
	Refused   State = "REFUSED"
	Deleted   State = "DELETED"
)

// Why an upload was deleted.
const (
	whyOwner     = "OWNER"
	whyUnused    = "UNUSED"
	whyNotNeeded = "NOT_NEEDED"
)

const hashAlgorithm = "SHA-256"

// finding is something that is wrong with a file.
type finding struct {
	Reason   string `json:"reason"`
	Message  string `json:"message"`
	Position int64  `json:"position"`
}

// upload is a row.
type upload struct {
	id         uuid.UUID
	principal  string
	state      State
	mediaType  string
	size       int64
	hash       []byte
	received   int64
	hashState  []byte
	sealedKey  []byte
	sealedName []byte
	findings   []finding
	createdAt  time.Time
	keptUntil  time.Time
	namedAt    *time.Time
	dismissed  *time.Time
}

// part is a stretch of an upload that is one object.
type part struct {
	object   uuid.UUID
	number   int
	position int64
	size     int64
}

// end is where the next part begins.
func (p part) end() int64 { return p.position + p.size }

// shown is the state as others see it: an upload that its owner deleted is deleted, though its row waits a moment for documents
// that may have named it just before.
func (u upload) shown() contentv1.UploadState {
	if u.dismissed != nil {
		return contentv1.UploadState_UPLOAD_STATE_DELETED
	}
	switch u.state {
	case Receiving:
		return contentv1.UploadState_UPLOAD_STATE_RECEIVING
	case Checking:
		return contentv1.UploadState_UPLOAD_STATE_CHECKING
	case Ready:
		return contentv1.UploadState_UPLOAD_STATE_READY
	case Refused:
		return contentv1.UploadState_UPLOAD_STATE_REFUSED
	case Deleted:
		return contentv1.UploadState_UPLOAD_STATE_DELETED
	default:
		return contentv1.UploadState_UPLOAD_STATE_UNSPECIFIED
	}
}

// mayGrow reports whether bytes may be appended.
func (u upload) mayGrow(now time.Time) bool {
	return u.dismissed == nil && (u.state == Receiving || u.state == Checking) && now.Before(u.keptUntil)
}

func (u upload) digest() *platformv1.Digest {
	return &platformv1.Digest{Algorithm: hashAlgorithm, Value: hex.EncodeToString(u.hash)}
}

// toProto is what the owner sees.
func (u upload) toProto(name string) *contentv1.Upload {
	m := &contentv1.Upload{
		Id: u.id.String(), State: u.shown(), Offset: u.received, Size: u.size, Hash: u.digest(), MediaType: u.mediaType, FileName: name,
		CreatedAt: timestamppb.New(u.createdAt),
	}
	if u.namedAt == nil && u.sealedKey != nil {
		m.ExpiresAt = timestamppb.New(u.keptUntil)
	}
	for _, f := range u.findings {
		m.Findings = append(m.Findings, &contentv1.Finding{Reason: f.Reason, Message: f.Message, Position: f.Position})
	}
	return m
}

// toContent is what other units see.
func (u upload) toContent(name string) *contentv1.Content {
	return &contentv1.Content{
		Id: u.id.String(), Owner: u.principal, State: u.shown(), Size: u.size, Hash: u.digest(), MediaType: u.mediaType, FileName: name,
		ExpiresAt: timestamppb.New(u.keptUntil),
	}
}

func encodeFindings(findings []finding) ([]byte, error) {
	if findings == nil {
		findings = []finding{}
	}
	raw, err := json.Marshal(findings)
	if err != nil {
		return nil, fmt.Errorf("encode findings: %w", err)
	}
	return raw, nil
}

func reasonsOf(findings []finding) []string {
	var reasons []string
	seen := map[string]bool{}
	for _, f := range findings {
		if !seen[f.Reason] {
			seen[f.Reason] = true
			reasons = append(reasons, f.Reason)
		}
	}
	return reasons
}
