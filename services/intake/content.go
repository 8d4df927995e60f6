package intake

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/fault"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// contentTimeout bounds the question what uploads are.
	contentTimeout = 5 * time.Second
	// contentMargin is how long before its end an upload is not accepted any more: the content unit must know of the document
	// before it would delete the file.
	contentMargin = time.Hour
)

// contents tells what uploads are; it is a contentv1.ContentServiceClient.
type contents interface {
	GetContents(ctx context.Context, in *contentv1.GetContentsRequest, opts ...grpc.CallOption) (*contentv1.GetContentsResponse, error)
}

// handedOver reports whether an item hands the document itself over (플랫폼 중심), instead of a certificate and a place to see it.
func handedOver(item *intakev1.SendItem) bool { return item.GetContent() != "" }

// modeRules are the rules of the fields that an item must, or must not, have because it hands the document over or does not. They
// stand beside the rules of its message, which would name the item in place of the field.
func modeRules(item *intakev1.SendItem) (broken []fault.Violation) {
	required := func(field string, missing bool) {
		if missing {
			broken = append(broken, fault.Violation{Field: field, Rule: "required", Message: "value is required"})
		}
	}
	superfluous := func(field, with string, given bool) {
		if given {
			broken = append(broken, fault.Violation{Field: field, Rule: "content.alone", Message: "must not be set " + with + " content"})
		}
	}
	viewing := item.GetViewing()
	if handedOver(item) {
		superfluous(fieldViewingURL, "with", viewing.GetUrl() != "")
		superfluous(fieldViewingSystem, "with", viewing.GetViewingSystem() != "")
		return broken
	}
	required(fieldHash, item.GetDocumentHash() == nil)
	required(fieldViewing, viewing == nil)
	if viewing != nil {
		required(fieldViewingURL, viewing.GetUrl() == "")
		required(fieldViewingSystem, viewing.GetViewingSystem() == "")
	}
	superfluous(fieldAttachmentContents, "without", len(item.GetAttachmentContents()) > 0)
	return broken
}

// uploads asks what the uploads are that the items name; nil where none does.
func (a *acceptor) uploads(ctx context.Context, candidates []*candidate) (map[string]*contentv1.Content, error) {
	var ids []string
	for _, c := range candidates {
		if handedOver(c.item) && len(c.broken) == 0 {
			ids = append(append(ids, c.item.GetContent()), c.item.GetAttachmentContents()...)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, contentTimeout)
	defer cancel()
	answer, err := a.contents.GetContents(ctx, &contentv1.GetContentsRequest{Ids: ids})
	if err != nil {
		return nil, contentUnavailable(fmt.Errorf("ask about %d uploads: %w", len(ids), err))
	}
	of := make(map[string]*contentv1.Content, len(answer.GetContents()))
	for _, c := range answer.GetContents() {
		of[c.GetId()] = c
	}
	return of, nil
}

// judgeContent takes an item's hashes from the uploads it names, and returns what is wrong with these. An upload is its owner's
// alone, and the sender's agent's: for everybody else it is as one that does not exist.
func (c *candidate) judgeContent(v *visit, uploads map[string]*contentv1.Content) {
	take := func(id, field, hashField string, given *platformv1.Digest) *platformv1.Digest {
		known := uploads[id]
		switch {
		case known == nil, !v.owns(known.GetOwner()):
			c.findings = append(c.findings, contentNotReady(field, "no such upload of this sender"))
		case known.GetState() != contentv1.UploadState_UPLOAD_STATE_READY:
			c.findings = append(c.findings, contentNotReady(field, "the upload is not ready"))
		case known.GetExpiresAt().IsValid() && !v.at.Add(contentMargin).Before(known.GetExpiresAt().AsTime()):
			c.findings = append(c.findings, contentNotReady(field, "the upload is about to be deleted; upload the file again"))
		case given != nil && (given.GetAlgorithm() != known.GetHash().GetAlgorithm() || given.GetValue() != known.GetHash().GetValue()):
			c.findings = append(c.findings, contentHashDiffers(hashField))
		}
		return known.GetHash()
	}
	c.hash = take(c.item.GetContent(), fieldContent, fieldHash, c.item.GetDocumentHash())
	given := c.item.GetAttachmentHashes()
	if len(given) > 0 && len(given) != len(c.item.GetAttachmentContents()) {
		c.findings = append(c.findings, contentHashDiffers(fieldAttachmentHashes))
		given = nil
	}
	c.attachments = nil
	for i, id := range c.item.GetAttachmentContents() {
		var hash *platformv1.Digest
		if len(given) > 0 {
			hash = given[i]
		}
		c.attachments = append(c.attachments, take(id, fmt.Sprintf("%s[%d]", fieldAttachmentContents, i), fmt.Sprintf("%s[%d]", fieldAttachmentHashes, i), hash))
	}
}

func contentNotReady(field, message string) finding {
	return at(field, ruleOf(intakev1.Reason_REASON_CONTENT_NOT_READY), intakev1.Reason_REASON_CONTENT_NOT_READY, message)
}

func contentHashDiffers(field string) finding {
	return at(field, ruleOf(intakev1.Reason_REASON_CONTENT_HASH_DIFFERS), intakev1.Reason_REASON_CONTENT_HASH_DIFFERS, "is not the hash of what was uploaded")
}

func contentUnavailable(cause error) *fault.Error {
	return fault.New(fault.Unavailable, domain, intakev1.Reason_REASON_CONTENT_UNAVAILABLE, "what was uploaded cannot be looked up now",
		fault.WithRetryAfter(overloadedRetry), fault.Wrap(cause))
}
