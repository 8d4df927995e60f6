package e2e

import (
	"encoding/base64"
	"maps"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// A sender's documents are certified to itself. A certificate of another member is refused, with the document and ahead of it; a
// digest is known to who uploaded the certificate; an operator's record of another membership makes it the sender's.
func TestWhoseCertificate(t *testing.T) {
	t.Parallel()
	office, member := newOperator(t), stack.Membership(t)
	institution, _ := stack.NewInstitution(t)
	supplier, _ := stack.NewInstitution(t)
	recipient := stack.NewPerson(t).ByCI()
	record := func(of *harness.Institution, membership map[string]any) harness.Answer {
		return office.Do(t, http.MethodPut, "/v1/admin/institutions/"+of.ID+"/archive-memberships", object{"archiveMemberships": []any{membership}})
	}
	send := func(item object) harness.Answer { return institution.Do(t, http.MethodPost, "/v1/documents", item) }
	upload := func(from *harness.Institution, d *harness.Document) harness.Answer {
		return from.Do(t, http.MethodPost, "/v1/registration-certificates", object{"registrationCertificate": base64.StdEncoding.EncodeToString(d.Certificate)})
	}
	document := institution.NewDocument(t, recipient)
	byDigest := maps.Clone(document.Item)
	delete(byDigest, "registrationCertificate")
	byDigest["registrationCertificateDigest"] = archivecert.Digest(document.Certificate)

	await.Require(t, harness.Patience, func() bool { return upload(supplier, document).Status == http.StatusOK })
	requireRefusal(t, send(byDigest), http.StatusBadRequest, "CERTIFICATE_NOT_UPLOADED")

	another := object{"archive": member["archive"], "member": "시험용 다른 기관"}
	require.Equal(t, http.StatusOK, record(institution, another).Status)
	await.Require(t, harness.Patience, func() bool { return upload(institution, document).Status != http.StatusOK })
	requireRefusal(t, upload(institution, document), http.StatusBadRequest, "CERTIFICATE_OWNER_DIFFERS")
	refused := send(document.Item)
	requireRefusal(t, refused, http.StatusBadRequest, "CERTIFICATE_OWNER_DIFFERS")
	require.Contains(t, string(refused.Body), "archive memberships")
	require.NotContains(t, string(refused.Body), member["member"])

	require.Equal(t, http.StatusOK, record(institution, member).Status)
	await.Require(t, harness.Patience, func() bool { return send(document.Item).Status == http.StatusOK })
	requireRefusal(t, record(institution, object{"archive": "", "member": "\u3000"}), http.StatusBadRequest, "INVALID_REQUEST")
}

// A viewing system that is bound to hosts shows documents there alone, until it is bound to others; one that no longer serves a
// sender sends nothing for it.
func TestViewingSystemOfAHost(t *testing.T) {
	t.Parallel()
	office := newOperator(t)
	institution, _ := stack.NewInstitution(t)
	var system struct {
		ViewingSystem struct {
			ID    string
			Hosts []string
		}
	}
	office.Do(t, http.MethodPost, "/v1/admin/viewing-systems", object{
		"viewingSystem": object{"name": "시험용 열람시스템", "senders": []string{institution.ID}, "hosts": []string{"Viewing.Example"}},
	}).Into(t, &system)
	require.Equal(t, []string{"viewing.example"}, system.ViewingSystem.Hosts)
	send := func(url string) harness.Answer {
		document := institution.NewDocument(t, stack.NewPerson(t).ByCI())
		document.Item["viewing"] = object{"url": url, "viewingSystem": system.ViewingSystem.ID}
		return institution.Do(t, http.MethodPost, "/v1/documents", document.Item)
	}
	await.Require(t, harness.Patience, func() bool { return send("https://viewing.example/"+uuid.NewString()).Status == http.StatusOK })
	requireRefusal(t, send("https://viewing.example.evil.example/"), http.StatusBadRequest, "VIEWING_HOST_FOREIGN")

	replace := func(with object) harness.Answer {
		return office.Do(t, http.MethodPut, "/v1/admin/viewing-systems/"+system.ViewingSystem.ID, object{"viewingSystem": with})
	}
	other, _ := stack.NewInstitution(t)
	require.Equal(t, http.StatusOK, replace(object{"name": "시험용", "senders": []string{institution.ID}, "hosts": []string{"moved.example"}}).Status)
	await.Require(t, harness.Patience, func() bool { return send("https://moved.example/"+uuid.NewString()).Status == http.StatusOK })
	requireRefusal(t, send("https://viewing.example/"), http.StatusBadRequest, "VIEWING_HOST_FOREIGN")
	require.Equal(t, http.StatusOK, replace(object{"name": "시험용", "senders": []string{other.ID}}).Status)
	await.Require(t, harness.Patience, func() bool { return send("https://moved.example/"+uuid.NewString()).Status != http.StatusOK })
	requireRefusal(t, send("https://moved.example/"), http.StatusBadRequest, "VIEWING_SYSTEM_FOREIGN")
}
