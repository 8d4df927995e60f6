package intake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/sealed"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// acceptor judges and commits the items of Send and BatchSend.
type acceptor struct {
	clock      clock.Clock
	db         pg.DBTX
	limits     Limits
	verifier   verifier
	directory  *directory
	hasher     hasher
	serials    *serials
	builder    *builder
	committers map[platformv1.Lane]*committer
	slots      checkSlots
	box        sealed.Opener
	contents   contents
	authority  authority
	metrics    *metrics
}

// candidate is an item while it is being judged.
type candidate struct {
	item *intakev1.SendItem
	// authorisation is the sender's, by which an agent sends the item; nil where the sender sends itself, and where there is
	// none.
	authorisation *authorisationRow
	// digest is that of the certificate, zero for an item without one; content is that of the item.
	digest      certificateID
	content     authorisation.Digest
	fingerprint []byte
	deadlines   deadlines
	// system is the viewing system the item names.
	system   uuid.UUID
	supplied *supplied
	// hash and attachments are what is sent: as the item gives them, or those of the uploads that it names.
	hash        *platformv1.Digest
	attachments []*platformv1.Digest
	// notCheckable are the checks of the certificate that could not be made, as judged says.
	notCheckable []string
	// broken lists the rules of the message that the item breaks, findings every other reason against it. Both are reported
	// together.
	broken   []fault.Violation
	findings []finding
	row      *row

	// One of the two is the item's outcome.
	acceptance *intakev1.Acceptance
	refusal    *fault.Error
}

// visit is what one call of Send or BatchSend brings of one sender.
type visit struct {
	tenant uuid.UUID
	caller authn.Principal
	lane   platformv1.Lane
	// at is the one clock reading of the call: the accepted time of its items, the date in their numbers, and the time at which
	// their certificates are judged.
	at         time.Time
	sender     senderRecord
	candidates []*candidate
}

// accept judges the items and commits the good ones. It returns an outcome for each item, in order; an error concerns the whole
// call. Of some the door may tell that it could not read them.
func (a *acceptor) accept(ctx context.Context, caller authn.Principal, lane platformv1.Lane, items []*intakev1.SendItem, unreadable []*platformv1.UnreadableItem) ([]*candidate, error) {
	flow, err := tenantOf(caller)
	if err != nil {
		return nil, err
	}
	candidates := candidatesOf(items)
	visits, err := a.visits(ctx, visit{tenant: flow, caller: caller, lane: lane, at: a.clock.Now()}, candidates)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	for _, v := range visits {
		if err := a.checkRules(ctx, v); err != nil {
			return nil, err
		}
	}
	refuseUnreadable(candidates, unreadable)
	for _, v := range visits {
		for _, step := range []func(context.Context, *visit) error{a.judge, a.answerKnownKeys, a.prepare} {
			if err := step(ctx, v); err != nil {
				return nil, pg.AsFault(err, nil)
			}
		}
	}
	if err := a.commit(ctx, flow, lane, open(candidates)); err != nil {
		return nil, pg.AsFault(err, nil)
	}
	a.metrics.outcomes(ctx, lane, candidates)
	return candidates, nil
}

func candidatesOf(items []*intakev1.SendItem) []*candidate {
	candidates := make([]*candidate, len(items))
	for i, item := range items {
		if item == nil {
			item = &intakev1.SendItem{}
		}
		candidates[i] = &candidate{item: item, hash: item.GetDocumentHash(), attachments: item.GetAttachmentHashes()}
	}
	return candidates
}

// visits are what a call brings, by sender: all of it of the caller, or of those for whom an agent sends.
func (a *acceptor) visits(ctx context.Context, call visit, candidates []*candidate) ([]*visit, error) {
	if isAgent(call.caller) {
		return a.visitsOfAgent(ctx, call, candidates)
	}
	if err := a.authority.may(ctx, call.caller, scopeSend); err != nil {
		return nil, err
	}
	v := &call
	var err error
	if v.sender, err = a.directory.sender(ctx, v.tenant, v.caller.Kind, v.at); err != nil {
		return nil, err
	}
	if v.sender.suspended {
		return nil, senderSuspended()
	}
	v.candidates = candidates
	return []*visit{v}, nil
}

// refuseUnreadable refuses the items of which the door tells that it could not read them. There is nothing else to judge them by.
func refuseUnreadable(candidates []*candidate, items []*platformv1.UnreadableItem) {
	for _, item := range items {
		if item.GetIndex() >= uint32(len(candidates)) { //nolint:gosec // at most maxBatchItems
			continue
		}
		var violations []fault.Violation
		for _, f := range item.GetViolations() {
			violations = append(violations, fault.Violation{Field: f.GetField(), Rule: f.GetRule(), Message: f.GetMessage()})
		}
		candidates[item.GetIndex()].refusal = invalidItem(violations...)
	}
}

// open are the candidates that have no outcome yet.
func open(candidates []*candidate) []*candidate {
	var of []*candidate
	for _, c := range candidates {
		if c.acceptance == nil && c.refusal == nil {
			of = append(of, c)
		}
	}
	return of
}

func (v *visit) open() []*candidate { return open(v.candidates) }

// checkRules finds broken message rules, parses ids and makes the fingerprint. Of an agent's item it also finds whether the
// sender has authorised it.
func (a *acceptor) checkRules(ctx context.Context, v *visit) error {
	return a.slots.each(ctx, len(v.candidates), func(_ context.Context, i int) error {
		c := v.candidates[i]
		violations, err := rpc.Check(c.item)
		if err != nil {
			return err
		}
		c.broken = append(violations, modeRules(c.item)...)
		certificate := authorisation.CertificateDigest(c.item)
		copy(c.digest[:], certificate)
		c.content = authorisation.OfItemWith(c.item, certificate)
		if c.system, err = uuid.Parse(c.item.GetViewing().GetViewingSystem()); err != nil && len(c.broken) == 0 && !handedOver(c.item) {
			return fmt.Errorf("read viewing system id: %w", err)
		}
		if isAgent(v.caller) {
			c.judgeAuthorisation(a.hasher, v.at)
		} else if c.item.GetAuthorisation() != "" {
			c.broken = append(c.broken, onlyAgents())
		}
		if len(c.broken) > 0 {
			return nil
		}
		c.fingerprint = fingerprintOf(a.hasher, v.tenant.String(), c.content)
		return nil
	})
}

// judge collects every reason against an item.
func (a *acceptor) judge(ctx context.Context, v *visit) error {
	candidates := v.open()
	if len(candidates) == 0 {
		return nil
	}
	if v.sender.suspended {
		for _, c := range candidates {
			c.refusal = senderSuspended()
		}
		return nil
	}
	serving, err := a.directory.serving(ctx, v.tenant, systemsOf(candidates), v.at)
	if err != nil {
		return err
	}
	own, err := a.repeated(ctx, v, candidates)
	if err != nil {
		return err
	}
	certificates, err := a.certificates(ctx, v, candidates)
	if err != nil {
		return err
	}
	uploads, err := a.uploads(ctx, candidates)
	if err != nil {
		return err
	}
	for _, c := range candidates {
		var found []finding
		c.deadlines, found = deadlinesOf(c.item, v.at, a.limits)
		c.findings = append(c.findings, found...)
		if v.sender.address == nil {
			c.findings = append(c.findings, addressNotRegistered())
		}
		switch {
		case !handedOver(c.item):
			c.judgeReference(serving, certificates, v.sender)
		case len(c.broken) == 0:
			c.judgeContent(v, uploads)
		}
		if repeats := c.item.GetRepeats(); repeats != "" && !own[repeats] {
			c.findings = append(c.findings, repeatedDocumentInvalid())
		}
		if len(c.broken) > 0 {
			c.refusal = invalidItem(append(c.broken, besides(c.broken, c.findings)...)...)
		}
	}
	return nil
}

// judgeReference judges what an item says instead of handing the document over: where it is seen, and its certificate.
func (c *candidate) judgeReference(serving map[uuid.UUID][]string, certificates map[certificateID]*supplied, sender senderRecord) {
	hosts, serves := serving[c.system]
	if !serves {
		c.findings = append(c.findings, viewingSystemForeign())
	}
	c.findings = append(c.findings, judgeURL(c.item.GetViewing().GetUrl(), hosts)...)
	if c.namesCertificate() {
		of := judgeCertificate(c.item, certificates[c.digest], sender)
		c.findings, c.notCheckable = append(c.findings, of.findings...), of.notCheckable
	}
	c.supplied = certificates[c.digest]
}

// namesCertificate reports whether an item names a certificate; one that breaks rules may name none.
func (c *candidate) namesCertificate() bool {
	return len(c.item.GetRegistrationCertificate()) > 0 || c.item.GetRegistrationCertificateDigest() != ""
}

// besides returns the findings that do not just follow from a broken rule. It leaves out findings at or below a broken field, and
// the finding of a different hash if the item's own hash cannot be read.
func besides(broken []fault.Violation, findings []finding) []fault.Violation {
	var more []fault.Violation
	for _, f := range findings {
		follows := slices.ContainsFunc(broken, func(b fault.Violation) bool {
			return f.where.Field == b.Field || strings.HasPrefix(f.where.Field, b.Field+".") ||
				f.reason == intakev1.Reason_REASON_CERTIFICATE_HASH_DIFFERS && (strings.HasPrefix(b.Field, "documentHash") || strings.HasPrefix(b.Field, "attachmentHashes"))
		})
		if !follows && f.where.Field != "" {
			more = append(more, f.where)
		}
	}
	return more
}

func systemsOf(candidates []*candidate) map[uuid.UUID]bool {
	systems := map[uuid.UUID]bool{}
	for _, c := range candidates {
		if !handedOver(c.item) {
			systems[c.system] = true
		}
	}
	return systems
}

func (a *acceptor) repeated(ctx context.Context, v *visit, candidates []*candidate) (map[string]bool, error) {
	var numbers []string
	for _, c := range candidates {
		if c.item.GetRepeats() != "" {
			numbers = append(numbers, c.item.GetRepeats())
		}
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	return ownDocuments(ctx, a.db, v.tenant, numbers)
}

// answerKnownKeys looks up the items that would be refused and gives them the first answer of their key, if there is one. The
// other items need no look-up, because the commit finds known keys.
func (a *acceptor) answerKnownKeys(ctx context.Context, v *visit) error {
	var found []*candidate
	var keys []ownKey
	for _, c := range v.open() {
		if len(c.findings) > 0 {
			found, keys = append(found, c), append(keys, ownKey{v.tenant, c.item.GetOwnKey()})
		}
	}
	if len(found) == 0 {
		return nil
	}
	holders, err := findKeys(ctx, a.db, keys)
	if err != nil {
		return err
	}
	for i, c := range found {
		if holder, ok := holders[keys[i]]; ok {
			c.settle(answer{outcome: holder.judge(c.fingerprint), existing: holder})
			continue
		}
		c.refusal = refusalOf(c.findings)
	}
	return nil
}

// prepare gives each good item its number and makes its row: sealed values, fact.
func (a *acceptor) prepare(ctx context.Context, v *visit) error {
	candidates := v.open()
	numbers, err := a.serials.take(ctx, v.at, len(candidates))
	if err != nil {
		return err
	}
	return a.slots.each(ctx, len(candidates), func(ctx context.Context, i int) error {
		made, err := a.builder.build(ctx, v, candidates[i], numbers[i])
		if err != nil {
			return fmt.Errorf("prepare %s: %w", numbers[i], err)
		}
		candidates[i].row = made
		return nil
	})
}

// commit commits the rows, in the turn of whoever calls, and turns their answers into outcomes.
func (a *acceptor) commit(ctx context.Context, flow uuid.UUID, lane platformv1.Lane, candidates []*candidate) error {
	rows := make([]*row, len(candidates))
	for i, c := range candidates {
		rows[i] = c.row
	}
	if err := a.committers[lane].commit(ctx, flow, rows); err != nil {
		return err
	}
	for _, c := range candidates {
		// What is unavailable now is unavailable for the whole call. When the caller repeats it, the items that were committed
		// get their receipts.
		if err := c.row.answer.err; fault.KindOf(err) == fault.Unavailable {
			return err
		}
		c.settle(c.row.answer)
	}
	return nil
}

// settle gives the item the outcome of its key.
func (c *candidate) settle(of answer) {
	switch of.outcome {
	case outcomeNew:
		c.acceptance = c.accepted(string(c.row.number), c.row.receipt, c.row.acceptedAt)
	case outcomeSame:
		c.acceptance = c.accepted(of.existing.number, of.existing.receipt, of.existing.acceptedAt)
		c.acceptance.Duplicate = true
	case outcomeConflict:
		c.refusal = ownKeyConflict(c.mayLearn(of.existing.number))
	default:
		c.refusal = fault.As(of.err)
	}
}

func (c *candidate) accepted(number, receipt string, at time.Time) *intakev1.Acceptance {
	return &intakev1.Acceptance{
		OwnKey: c.item.GetOwnKey(), EdocNum: number, Receipt: receipt, AcceptedAt: timestamppb.New(at),
		Warnings: warningsOf(c.item, c.deadlines, c.notCheckable),
	}
}

// tenantOf returns the sender's id. The gateway makes principal ids; an id of another form belongs to nobody.
func tenantOf(caller authn.Principal) (uuid.UUID, error) {
	tenant, err := uuid.Parse(caller.ID)
	if err != nil {
		return uuid.UUID{}, noSender(err)
	}
	return tenant, nil
}
