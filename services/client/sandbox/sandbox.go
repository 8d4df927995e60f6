// Package sandbox calls the sandbox's own interfaces for operators and outsiders: it adds archive members and test persons,
// stores documents at the viewing system, reads what the hub and the viewing system hold, and makes the hub verify a pair of
// certificates.
package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// Operator returns a client of a sandbox system's /sandbox interface.
func Operator(s endpoints.Sandbox, client *http.Client, baseURL string) (*rest.Client, error) {
	if s.AdminToken == "" {
		return nil, errors.New("the endpoint file names no sandbox admin token: is this a sandbox relay?")
	}
	token, err := endpoints.ReadSecret(s.AdminToken)
	if err != nil {
		return nil, err
	}
	door, err := rest.New(rest.Options{BaseURL: baseURL, HTTP: client})
	if err != nil {
		return nil, err
	}
	return door.WithBearer(token), nil
}

// Member is a depositor at the archive.
type Member struct {
	MemberID string `json:"memberId"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// AddMember adds a member to the archive, or changes the password of an existing one.
func AddMember(ctx context.Context, archive *rest.Client, m Member) error {
	return archive.JSON(ctx, http.MethodPost, "/sandbox/archive/members", nil, m, nil)
}

// Person is an invented person at the identity provider.
type Person struct {
	ID        string `json:"id,omitempty"`
	CI        string `json:"ci,omitempty"`
	Name      string `json:"name"`
	BirthDate string `json:"birthDate"`
	Phone     string `json:"phone"`
}

// AddPerson adds a person and returns it with its invented CI.
func AddPerson(ctx context.Context, idp *rest.Client, p Person) (Person, error) {
	var added Person
	err := idp.JSON(ctx, http.MethodPost, "/sandbox/persons", nil, p, &added)
	return added, err
}

// Invitation is an invitation to join that the sandbox phone received.
type Invitation struct {
	Body struct {
		Relay  string `json:"relay"`
		Sender string `json:"sender"`
		Code   string `json:"code"`
		Join   string `json:"join"`
	} `json:"body"`
}

// Invitations lists the invitations to a phone, oldest first.
func Invitations(ctx context.Context, idp *rest.Client, phone string) ([]Invitation, error) {
	var answer struct {
		Invitations []Invitation `json:"invitations"`
	}
	err := idp.JSON(ctx, http.MethodGet, "/sandbox/invitations", url.Values{"phone": {phone}}, nil, &answer)
	return answer.Invitations, err
}

// Persons lists all persons.
func Persons(ctx context.Context, idp *rest.Client) ([]Person, error) {
	var answer struct {
		Persons []Person `json:"persons"`
	}
	err := idp.JSON(ctx, http.MethodGet, "/sandbox/persons", nil, nil, &answer)
	return answer.Persons, err
}

// StoredDocument is what a sender stores at its viewing system (guide 5.1.1 ❷).
type StoredDocument struct {
	// Recipient has the same kind of identifier as the send request: ci, person, businessNumber or platformAddress.
	Recipient any `json:"recipient"`
	EdocHash  struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	} `json:"edocHash"`
	CertificateDigest string `json:"certificateDigest,omitempty"`
	ContentType       string `json:"contentType,omitempty"`
	FileName          string `json:"fileName,omitempty"`
}

// StoreDocument streams a document to the viewing system and returns its viewing URL.
func StoreDocument(ctx context.Context, viewing *rest.Client, d StoredDocument, content io.Reader) (string, error) {
	meta, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("store document for viewing: %w", err)
	}
	form := func() ([]rest.Part, error) {
		return []rest.Part{
			{Name: "meta", ContentType: "application/json", Content: bytes.NewReader(meta)},
			{Name: "document", ContentType: "application/octet-stream", Content: content},
		}, nil
	}
	var answer struct {
		ViewingURL string `json:"viewingUrl"`
	}
	if err := viewing.Upload(ctx, "/documents", form, &answer); err != nil {
		return "", err
	}
	if answer.ViewingURL == "" {
		return "", errors.New("store document for viewing: answer without a viewing URL")
	}
	return answer.ViewingURL, nil
}

// View is one record of the viewing system's log, with the fields that Naru's tools read.
type View struct {
	Outcome        string    `json:"outcome"`
	EdocNum        string    `json:"edocNum"`
	VerificationID string    `json:"verificationId"`
	VerifiedAt     time.Time `json:"verifiedAt"`
}

// Views returns the viewing system's log, and whether its chain is intact.
func Views(ctx context.Context, viewing *rest.Client) (views []View, intact bool, err error) {
	var answer struct {
		Views []struct {
			Record View `json:"record"`
		} `json:"views"`
		ChainIntact bool `json:"chainIntact"`
	}
	if err := viewing.JSON(ctx, http.MethodGet, "/sandbox/views", nil, nil, &answer); err != nil {
		return nil, false, err
	}
	for _, v := range answer.Views {
		views = append(views, v.Record)
	}
	return views, answer.ChainIntact, nil
}

// Circulation is a record of the hub; its dates are in KST, to the second.
type Circulation struct {
	EdocNum     string  `json:"edocNum"`
	SendEaddr   string  `json:"sendEaddr"`
	RecvEaddr   string  `json:"recvEaddr"`
	SendDate    string  `json:"sendDate"`
	RecvDate    string  `json:"recvDate"`
	ReadDate    *string `json:"readDate"`
	ContentHash string  `json:"contentHash"`
}

// HubDate formats a time as the hub does: KST, truncated to seconds.
func HubDate(t time.Time) string {
	return t.In(time.FixedZone("KST", 9*60*60)).Format("2006-01-02 15:04:05")
}

// HeldCirculation returns the hub's record of a document.
func HeldCirculation(ctx context.Context, hub *rest.Client, edocNum string) (Circulation, error) {
	var c Circulation
	err := hub.JSON(ctx, http.MethodGet, "/sandbox/circulations/"+url.PathEscape(edocNum), nil, nil, &c)
	return c, err
}

// Check is one of the hub's checks of a pair of certificates.
type Check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail"`
}

// Verdict is the hub's answer about a pair of certificates.
type Verdict struct {
	ResultCode int     `json:"resultCode"`
	ErrCode    string  `json:"errCode"`
	ErrMsg     string  `json:"errMsg"`
	Valid      bool    `json:"valid"`
	Checks     []Check `json:"checks"`
}

// VerifyPair makes the hub verify a distribution certificate (PDF), an original certificate (DER) and their document (guide 5.1.2
// ❹).
func VerifyPair(ctx context.Context, hub *rest.Client, distribution, original []byte, document io.Reader) (*Verdict, error) {
	form := func() ([]rest.Part, error) {
		return []rest.Part{
			{Name: "distribution", ContentType: "application/pdf", Content: bytes.NewReader(distribution)},
			{Name: "original", ContentType: "application/cms", Content: bytes.NewReader(original)},
			{Name: "document", ContentType: "application/octet-stream", Content: document},
		}, nil
	}
	var verdict Verdict
	if err := hub.Upload(ctx, "/api/cert/verify", form, &verdict); err != nil {
		return nil, err
	}
	if verdict.ResultCode != 1 {
		return nil, fmt.Errorf("the hub could not verify: %s %s", verdict.ErrCode, verdict.ErrMsg)
	}
	return &verdict, nil
}
