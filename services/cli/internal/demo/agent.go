package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/client/sample"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// addAgent makes an agent (송신대행자), and registers the key with which the sender authorises what agents send for it.
func (w *walk) addAgent(ctx context.Context) (string, error) {
	made, err := w.operator.CreateAgent(ctx, "시험용 송신대행자")
	if err != nil {
		return "", err
	}
	if w.agent, err = relay.Open(w.endpoints.REST, w.http, relay.Credentials(made.GetCredentials())); err != nil {
		return "", err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make the sender's key: %w", err)
	}
	public, err := jwk.FromRaw(private.Public())
	if err != nil {
		return "", fmt.Errorf("make the sender's key: %w", err)
	}
	text, err := json.Marshal(public)
	if err != nil {
		return "", fmt.Errorf("make the sender's key: %w", err)
	}
	id, err := keys.KeyID(&private.PublicKey)
	if err != nil {
		return "", err
	}
	w.senderKey = authn.Key{ID: id, Signer: private}
	if _, err := w.operator.ReplaceAuthorisationKeys(ctx, w.institution.GetId(), string(text)); err != nil {
		return "", err
	}
	return fmt.Sprintf("agent %s; the sender's key %s is registered", made.GetAgent().GetId(), id), nil
}

// authorise has the agent ask for the very item it is going to send, and the sender sign its digest.
func (w *walk) authorise(ctx context.Context) (string, error) {
	upload, err := w.agent.Upload(ctx, w.document.File())
	if err != nil {
		return "", err
	}
	w.agentItem = &intakev1.SendItem{
		OwnKey: uuid.NewString(), Recipient: w.toRecipient(), Title: sample.Title, Content: upload.GetId(), DocumentHash: w.document.Digest(),
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE,
	}
	asked, err := w.agent.RequestAuthorisation(ctx, uuid.NewString(), w.institution.GetAddress(), []*intakev1.SendItem{w.agentItem})
	if err != nil {
		return "", err
	}
	w.agentItem.Authorisation = asked.GetId()
	if _, err := w.agent.Send(ctx, w.agentItem); err == nil {
		return "", errors.New("the agent sent before the sender had authorised it")
	}
	salt, err := hex.DecodeString(asked.GetSalt())
	if err != nil {
		return "", errors.New("the relay told no salt")
	}
	if authorisation.Of(salt, authorisation.OfItem(w.agentItem)).String() != asked.GetDigest() {
		return "", errors.New("the relay asks for another item")
	}
	signed, err := authorisation.Sign(w.senderKey, authorisation.Claims{
		Authorisation: asked.GetId(), Digest: asked.GetDigest(), Agent: asked.GetAgent(), Sender: asked.GetSender(), ExpiresAt: asked.GetExpiresAt().AsTime(),
	})
	if err != nil {
		return "", err
	}
	given, err := w.agent.SignAuthorisation(ctx, asked.GetId(), signed)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("authorisation %s %s; refused before it was given", given.GetId(), relay.Word(given.GetState())), nil
}

// sendForSender sends the authorised item; sender and actor stand in the status of both.
func (w *walk) sendForSender(ctx context.Context) (string, error) {
	accepted, err := w.agent.Send(ctx, w.agentItem)
	if err != nil {
		return "", err
	}
	status, err := w.agent.AwaitStatus(ctx, accepted.GetEdocNum(), "the receipt", func(s *statusv1.DocumentStatus) bool {
		return s.GetState() == statusv1.DocumentState_DOCUMENT_STATE_RECEIVED
	})
	if err != nil {
		return "", err
	}
	theirs, err := w.sender.Status(ctx, accepted.GetEdocNum())
	if err != nil {
		return "", err
	}
	if theirs.GetActor() == w.institution.GetId() || theirs.GetActor() != status.GetActor() {
		return "", errors.New("the status does not name the agent as actor")
	}
	return fmt.Sprintf("%s received %s, actor %s", accepted.GetEdocNum(), relay.Time(status.GetReceivedAt()), status.GetActor()), nil
}
