package web

import (
	"net/http"
	"net/url"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// accessesPage is how many entries of the record stand on a page.
const accessesPage = 50

// showAccesses shows who has been at what is the person's, or, to its representatives, at what is the organisation's.
func (v *visit) showAccesses() error {
	answer, err := v.relay.accesses.ListAccesses(v.as(), &viewingv1.ListAccessesRequest{PageSize: accessesPage, PageToken: v.r.URL.Query().Get("page")})
	if err != nil {
		return err
	}
	names, err := v.names()
	if err != nil {
		return err
	}
	view := ui.AccessesView{Organisation: v.session.Organisation != nil}
	for _, a := range answer.GetAccesses() {
		shown := ui.AccessView{
			What: accessKind(a), At: timeOf(a.GetAt()), Who: names[a.GetPerson()], Other: view.Organisation || a.GetPerson() != v.session.Person.String(),
			Document: a.GetEdocNum(), ViewedAt: timeOf(a.GetViewedAt()), ReadAt: timeOf(a.GetReadAt()),
		}
		if !shown.Other {
			shown.Who = names[a.GetOrganisation()]
		}
		view.Items = append(view.Items, shown)
	}
	if next := answer.GetNextPageToken(); next != "" {
		view.Next = "/accesses?" + url.Values{"page": {next}}.Encode()
	}
	return v.show(http.StatusOK, ui.Accesses(v.frame(locale.AccessesTitle), view))
}

func accessKind(a *viewingv1.Access) locale.Text {
	switch a.GetKind() {
	case viewingv1.AccessKind_ACCESS_KIND_SIGNED_IN:
		return locale.AccessSignedIn
	case viewingv1.AccessKind_ACCESS_KIND_ACTED:
		return locale.AccessActed
	case viewingv1.AccessKind_ACCESS_KIND_VIEWED:
		if a.GetViewedAt() == nil {
			return locale.AccessPermitted
		}
		return locale.AccessViewed
	default:
		return locale.StateUnknown
	}
}

// names are those of who acted: the organisation's persons, or the person's proxies and whom it acts for itself.
func (v *visit) names() (map[string]string, error) {
	names := map[string]string{}
	if v.session.Organisation == nil {
		listed, err := v.relay.organisations.ListOrganisations(v.as(), &addressv1.ListOrganisationsRequest{})
		if err != nil {
			return nil, err
		}
		for _, o := range listed.GetOrganisations() {
			names[o.GetOrganisation()] = o.GetName()
		}
	}
	for token := ""; ; {
		listed, err := v.relay.organisations.ListAuthorities(v.as(), &addressv1.ListAuthoritiesRequest{PageSize: 1000, PageToken: token})
		if err != nil {
			return nil, err
		}
		for _, a := range listed.GetAuthorities() {
			if a.GetPerson() != "" {
				names[a.GetPerson()] = a.GetName()
			}
		}
		if token = listed.GetNextPageToken(); token == "" {
			return names, nil
		}
	}
}
