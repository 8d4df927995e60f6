package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/await"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// An agent (송신대행자) sends for a member only what the member approved in its own session: the very item, until it is revoked.
// Sender and actor stand in the status of both, and of nobody else.
func TestAgentSendsForAMember(t *testing.T) {
	t.Parallel()
	agent, other := stack.NewAgent(t), stack.NewAgent(t)
	sender, recipient := stack.NewMember(t), stack.NewMember(t)
	document := agent.HandedOver(t, recipient.ByCI())
	require.Equal(t, "AUTHORISATION_MISSING", agent.Do(t, http.MethodPost, "/v1/documents", document.Item).Problem(t).Reason)

	asked := agent.Authorisation(t, sender.Address(t), document.Item)
	document.Item["authorisation"] = asked.ID
	require.Equal(t, "AUTHORISATION_MISSING", agent.Do(t, http.MethodPost, "/v1/documents", document.Item).Problem(t).Reason, "not before it is given")
	require.Equal(t, "AUTHORISATION_NOT_FOUND",
		recipient.Do(t, http.MethodPost, "/v1/authorisations/"+asked.ID+":approve", map[string]any{"digest": asked.Digest}).Problem(t).Reason)
	require.Equal(t, http.StatusOK, sender.Do(t, http.MethodPost, "/v1/authorisations/"+asked.ID+":approve", map[string]any{"digest": asked.Digest}).Status)

	require.Equal(t, "AUTHORISATION_NOT_FOUND", other.Do(t, http.MethodPost, "/v1/documents", document.Item).Problem(t).Reason, "it names another agent")
	changed := map[string]any{}
	for name, value := range document.Item {
		changed[name] = value
	}
	changed["title"] = "다른 제목"
	require.Equal(t, "DIGEST_DIFFERS", agent.Do(t, http.MethodPost, "/v1/documents", changed).Problem(t).Reason, "it is about this very item")
	agent.SendDocument(t, document)

	as := harness.Institution{Caller: sender.Caller}
	as.AwaitState(t, document.EdocNum, "RECEIVED")
	var status struct{ Actor string }
	sender.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum, nil).Into(t, &status)
	require.Equal(t, agent.ID, status.Actor)
	(&harness.Institution{Caller: agent.Caller}).AwaitState(t, document.EdocNum, "RECEIVED")
	require.Equal(t, "DOCUMENT_NOT_FOUND", other.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum, nil).Problem(t).Reason)

	// What was not sent before it is revoked is not sent any more.
	later := agent.HandedOver(t, recipient.ByCI())
	again := agent.Authorisation(t, sender.Address(t), later.Item)
	later.Item["authorisation"] = again.ID
	require.Equal(t, http.StatusOK, sender.Do(t, http.MethodPost, "/v1/authorisations/"+again.ID+":approve", map[string]any{"digest": again.Digest}).Status)
	require.Equal(t, http.StatusOK, sender.Do(t, http.MethodPost, "/v1/authorisations/"+again.ID+":revoke", map[string]any{}).Status)
	require.Equal(t, "AUTHORISATION_MISSING", agent.Do(t, http.MethodPost, "/v1/documents", later.Item).Problem(t).Reason)
}

// An institution authorises by its registered key, and a signature is about one authorisation.
func TestAgentSendsForAnInstitution(t *testing.T) {
	t.Parallel()
	agent, recipient := stack.NewAgent(t), stack.NewMember(t)
	institution, _ := stack.NewInstitution(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, err := jwk.FromRaw(private.Public())
	require.NoError(t, err)
	text, err := json.Marshal(public)
	require.NoError(t, err)
	id, err := keys.KeyID(&private.PublicKey)
	require.NoError(t, err)
	answer := stack.Admin(t).Do(t, http.MethodPut, "/v1/admin/institutions/"+institution.ID+"/authorisation-keys", map[string]any{"publicJwks": []string{string(text)}})
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)

	document := agent.HandedOver(t, recipient.ByCI())
	asked := agent.Authorisation(t, institution.Address, document.Item)
	signed := func(a harness.Authorisation) string {
		expires, err := time.Parse(time.RFC3339Nano, a.ExpiresAt)
		require.NoError(t, err)
		compact, err := authorisation.Sign(authn.Key{ID: id, Signer: private}, authorisation.Claims{
			Authorisation: a.ID, Digest: a.Digest, Agent: a.Agent, Sender: a.Sender, ExpiresAt: expires,
		})
		require.NoError(t, err)
		return compact
	}
	another := agent.Authorisation(t, institution.Address, agent.HandedOver(t, recipient.ByCI()).Item)
	sign := func(jws string) harness.Answer {
		return agent.Do(t, http.MethodPost, "/v1/authorisations/"+asked.ID+":sign", map[string]any{"jws": jws})
	}
	// The key is known to intake by a fact, some moments later.
	await.Require(t, harness.Patience, func() bool {
		return sign(signed(another)).Problem(t).Violations[0].Rule != "key"
	})
	require.Equal(t, "SIGNATURE_INVALID", sign(signed(another)).Problem(t).Reason)
	require.Equal(t, http.StatusOK, sign(signed(asked)).Status)
	document.Item["authorisation"] = asked.ID
	agent.SendDocument(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
}

// An agent obtains the bundle of a document by the word of its sender or of its recipient: of this document, for this reason,
// until it is revoked. Everything else is refused and recorded, and tells nothing of documents.
func TestAgentObtainsABundle(t *testing.T) {
	t.Parallel()
	agent, other := stack.NewAgent(t), stack.NewAgent(t)
	sender, recipient, stranger := stack.NewMember(t), stack.NewMember(t), stack.NewMember(t)
	document := sender.HandedOver(t, recipient.ByCI())
	sender.SendDocument(t, document)
	number := document.EdocNum
	(&harness.Institution{Caller: sender.Caller}).AwaitStatus(t, number, func(s harness.Status) bool { return s.Registered() })
	recorded := func() (outcomes []string) {
		for _, f := range factsAbout(t, "certificate", &certificatev1.CertificateRefused{}, func(f *certificatev1.CertificateRefused) bool { return f.GetEdocNum() == number }) {
			outcomes = append(outcomes, f.GetOutcome())
		}
		return outcomes
	}
	for n, party := range []*harness.Recipient{sender, recipient} {
		requireRefusal(t, agent.AskBundle(t, number, "r-1", ""), http.StatusForbidden, "AUTHORISATION_MISSING")
		mandate := agent.Mandate(t, party.Address(t), number, harness.BundleReason)
		requireRefusal(t, agent.AskBundle(t, number, rand.Text(), mandate.ID), http.StatusForbidden, "AUTHORISATION_MISSING")
		party.Approve(t, mandate)
		requireRefusal(t, other.AskBundle(t, number, rand.Text(), mandate.ID), http.StatusNotFound, "AUTHORISATION_NOT_FOUND")
		requireRefusal(t, agent.AskBundle(t, absentNumber(number), rand.Text(), mandate.ID), http.StatusForbidden, "AUTHORISATION_MISSING")
		id := stack.AwaitBundle(t, agent.Caller, agent.AskBundle(t, number, rand.Text(), mandate.ID))
		require.True(t, stack.VerifyBundle(t, stack.Container(t, agent.Caller, id)).Valid)
		requireEvidence(t, stack.EvidenceBy(t, agent.Caller, number, mandate.ID), 7)
		accepted := factsAbout(t, "certificate", &certificatev1.CertificateAccepted{}, func(f *certificatev1.CertificateAccepted) bool {
			return f.GetMandate().GetAuthorisation() == mandate.ID
		})
		require.Len(t, accepted, 2)
		require.Equal(t, []any{certificatev1.Entitlement(n + 1), mandate.Digest},
			[]any{accepted[0].GetEntitlement(), hex.EncodeToString(accepted[0].GetMandate().GetDigest())})
		issued := stack.Facts(t, "certificate", &certificatev1.BundleIssued{}, number)
		require.Equal(t, agent.ID, issued[len(issued)-1].GetActor())
		requireRefusal(t, party.Do(t, http.MethodGet, "/v1/bundles/"+id, nil), http.StatusNotFound, "BUNDLE_NOT_FOUND")

		require.Equal(t, http.StatusOK, party.Do(t, http.MethodPost, "/v1/authorisations/"+mandate.ID+":revoke", map[string]any{}).Status)
		requireRefusal(t, agent.AskBundle(t, number, rand.Text(), mandate.ID), http.StatusForbidden, "AUTHORISATION_MISSING")
		requireRefusal(t, agent.Do(t, http.MethodGet, "/v1/bundles/"+id+"/content", nil), http.StatusForbidden, "AUTHORISATION_MISSING")
	}
	require.Equal(t, []string{
		"no_mandate", "mandate_not_in_force", "mandate_unknown", "mandate_not_in_force", "mandate_not_in_force",
		"no_mandate", "mandate_not_in_force", "mandate_unknown", "mandate_not_in_force", "mandate_not_in_force",
	}, recorded())

	// Whoever is no party gives nothing: the answer is that of a document that does not exist.
	nowhere := absentNumber(number)
	foreign, absent := agent.Mandate(t, stranger.Address(t), number, harness.BundleReason), agent.Mandate(t, sender.Address(t), nowhere, harness.BundleReason)
	stranger.Approve(t, foreign)
	sender.Approve(t, absent)
	mine, none := agent.AskBundle(t, number, rand.Text(), foreign.ID), agent.AskBundle(t, nowhere, rand.Text(), absent.ID)
	requireRefusal(t, mine, http.StatusNotFound, "DOCUMENT_NOT_FOUND")
	requireRefusal(t, none, http.StatusNotFound, "DOCUMENT_NOT_FOUND")
	require.Equal(t, none.Problem(t).Detail, mine.Problem(t).Detail)
	require.Equal(t, "not_entitled", recorded()[10])
}
