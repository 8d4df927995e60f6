package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/text"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// paperBytes is how large each of the two papers may be.
const paperBytes = 2 << 20

func (v *visit) showOrganisations() error {
	// The person's own list, whoever it acts for now.
	answer, err := v.relay.organisations.ListOrganisations(v.self(), &addressv1.ListOrganisationsRequest{})
	if err != nil {
		return err
	}
	view := ui.OrganisationsView{Acting: v.session.Organisation != nil, Represents: represents(v.session), Done: doneText(v.r.URL.Query().Get("done"))}
	for _, o := range answer.GetOrganisations() {
		view.Organisations = append(view.Organisations, ui.OrganisationView{
			ID: o.GetOrganisation(), Name: o.GetName(), Role: roleFor(o),
			Current: view.Acting && v.session.Organisation.String() == o.GetOrganisation(),
		})
	}
	for _, a := range answer.GetApplications() {
		view.Applications = append(view.Applications, ui.ApplicationView{
			Name: a.GetName(), Reason: a.GetReason(), State: applicationState(a.GetState()), AskedAt: timeOf(a.GetAskedAt()),
		})
	}
	return v.show(http.StatusOK, ui.Organisations(v.frame(locale.OrganisationsTitle), view))
}

func represents(s *session) bool {
	return s.Organisation != nil && addressv1.AuthorityRole(s.acting.Role) == addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE
}

func role(r addressv1.AuthorityRole) locale.Text {
	if r == addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE {
		return locale.Representative
	}
	return locale.Authorised
}

func roleFor(o *addressv1.RepresentedOrganisation) locale.Text {
	if o.GetPerson() {
		return locale.Proxy
	}
	return role(o.GetRole())
}

func applicationState(state addressv1.ApplicationState) locale.Text {
	switch state {
	case addressv1.ApplicationState_APPLICATION_STATE_WAITING:
		return locale.ApplicationWaits
	case addressv1.ApplicationState_APPLICATION_STATE_CONFIRMED:
		return locale.ApplicationYes
	case addressv1.ApplicationState_APPLICATION_STATE_REFUSED:
		return locale.ApplicationNo
	default:
		return locale.StateUnknown
	}
}

// act changes for whom the person acts; without an organisation it is itself again.
func (v *visit) act() error {
	chosen := v.form("organisation")
	if chosen == "" {
		if err := v.actFor(nil, acting{}); err != nil {
			return err
		}
		v.redirect("/organisations")
		return nil
	}
	organisation, err := uuid.Parse(chosen)
	if err != nil {
		return invalidForm("organisation is no id")
	}
	if err := v.takeUp(organisation); err != nil {
		return err
	}
	v.redirect(v.home())
	return nil
}

// takeUp lets the person act for an organisation, with the rights it has now.
func (v *visit) takeUp(organisation uuid.UUID) error {
	taken, err := v.relay.signin.ActForOrganisation(v.self(), &viewingv1.ActForOrganisationRequest{Organisation: organisation.String()})
	if err != nil {
		return err
	}
	as := acting{Token: taken.GetSessionToken(), Name: taken.GetAddress(), Scopes: taken.GetScopes()}
	listed, err := v.relay.organisations.ListOrganisations(v.self(), &addressv1.ListOrganisationsRequest{})
	if err != nil {
		return err
	}
	for _, o := range listed.GetOrganisations() {
		if o.GetOrganisation() == organisation.String() {
			as.Name, as.Role = o.GetName(), int32(o.GetRole())
		}
	}
	return v.actFor(&organisation, as)
}

// home is the page that a person begins with: the first that it may see.
func (v *visit) home() string {
	switch {
	case v.session.may(ui.ScopeReceive):
		return "/inbox"
	case v.session.may(ui.ScopeLook):
		return "/sent"
	case v.session.may(ui.ScopeApprove):
		return "/approvals"
	default:
		return "/organisations"
	}
}

// actFor changes the session, and gives the browser its new id.
func (v *visit) actFor(organisation *uuid.UUID, as acting) error {
	changed, err := v.sessions.act(v.r.Context(), v.session, organisation, as)
	if err != nil {
		return err
	}
	v.keep(changed)
	return nil
}

func kinds() []ui.Option {
	option := func(t addressv1.OrganisationType, text locale.Text) ui.Option {
		return ui.Option{Value: strconv.Itoa(int(t)), Text: text}
	}
	return []ui.Option{
		option(addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, locale.KindCompany),
		option(addressv1.OrganisationType_ORGANISATION_TYPE_SOLE_TRADER, locale.KindSole),
		option(addressv1.OrganisationType_ORGANISATION_TYPE_PUBLIC_INSTITUTION, locale.KindPublic),
		option(addressv1.OrganisationType_ORGANISATION_TYPE_STATE_AGENCY, locale.KindState),
		option(addressv1.OrganisationType_ORGANISATION_TYPE_LOCAL_GOVERNMENT, locale.KindLocal),
		option(addressv1.OrganisationType_ORGANISATION_TYPE_OTHER, locale.KindOther),
	}
}

func (v *visit) showApply() error { return v.applyForm(http.StatusOK, ui.Form{}, requestID()) }

func (v *visit) applyForm(status int, form ui.Form, request string) error {
	return v.show(status, ui.ApplyForOrganisation(v.frame(locale.ApplyTitle), ui.ApplyView{
		Form: form, RequestID: request, TermsVersion: v.terms.version, Kinds: kinds(),
	}))
}

// apply asks that an organisation receives documents here.
func (v *visit) apply() error {
	form, err := v.organisationForm()
	if err != nil {
		return err
	}
	number, numbered := text.BusinessNumber(form.Values["number"])
	kind, err := strconv.ParseInt(form.Values["kind"], 10, 32)
	form.checkName()
	form.wrong(!numbered, "number", locale.NeedsNumber)
	form.wrong(err != nil || addressv1.OrganisationType_name[int32(kind)] == "" || kind == 0, "kind", locale.NeedsKind)
	form.checkPapers()
	form.wrong(form.Values["consent"] != "yes", "consent", locale.NeedsConsent)
	form.wrong(form.Values["designate"] != "yes", "designate", locale.NeedsDesignate)
	if len(form.Wrong) > 0 {
		return v.applyForm(http.StatusUnprocessableEntity, form.Form, form.Values["request_id"])
	}
	_, err = v.relay.organisations.ApplyForOrganisation(v.self(), &addressv1.ApplyForOrganisationRequest{
		Application: &addressv1.OrganisationApplication{
			Name: form.name, BusinessNumber: number, Type: addressv1.OrganisationType(kind), TermsVersion: v.terms.version,
		},
		RequestId: form.Values["request_id"], Consent: true, DesignateInbox: true, BusinessDocument: form.business, RegistrationDocument: form.registration,
	})
	if err != nil {
		return err
	}
	v.redirect("/organisations?done=applied")
	return nil
}

func (v *visit) showPersons() error { return v.persons(http.StatusOK, ui.Form{}) }

func (v *visit) persons(status int, form ui.Form) error {
	answer, err := v.relay.organisations.ListAuthorities(v.as(), &addressv1.ListAuthoritiesRequest{PageSize: 50, PageToken: v.r.URL.Query().Get("page")})
	if err != nil {
		return err
	}
	title, own := locale.PersonsTitle, v.session.Organisation == nil
	if own {
		title = locale.ProxiesTitle
	}
	view := ui.PersonsView{Form: form, Own: own, Rights: v.rightsView(nil), Done: doneText(v.r.URL.Query().Get("done"))}
	for _, a := range answer.GetAuthorities() {
		view.Persons = append(view.Persons, ui.PersonView{
			ID: a.GetId(), Name: a.GetName(), Role: role(a.GetRole()), Rights: v.rightsView(a),
			Changeable: a.GetEndedAt() == nil && a.GetRole() == addressv1.AuthorityRole_AUTHORITY_ROLE_AUTHORISED,
			GrantedAt:  timeOf(a.GetGrantedAt()), EndedAt: timeOf(a.GetEndedAt()),
		})
	}
	if next := answer.GetNextPageToken(); next != "" {
		view.Next = "/organisations/persons?" + url.Values{"page": {next}}.Encode()
	}
	return v.show(status, ui.Persons(v.frame(title), view))
}

// person reads the three facts that identify a natural person from what was entered.
func person(entered func(field string) string) (name, birth, phone string, wrong []ui.Wrong) {
	name, named := text.Line(entered("name"))
	birth, born := text.Day(entered("birth"))
	phone = text.Phone(entered("phone"))
	if !named || name == "" || len([]rune(name)) > 40 {
		wrong = append(wrong, ui.Wrong{Field: "name", Text: locale.NeedsName})
	}
	if !born {
		wrong = append(wrong, ui.Wrong{Field: "birth", Text: locale.NeedsBirth})
	}
	if !phoneForm.MatchString(phone) {
		wrong = append(wrong, ui.Wrong{Field: "phone", Text: locale.NeedsPhone})
	}
	return name, birth, phone, wrong
}

// authorise lets a further person read for the organisation.
func (v *visit) authorise() error {
	name, birth, phone, wrong := person(v.form)
	given := v.rights()
	if len(given) == 0 {
		wrong = append(wrong, ui.Wrong{Field: "rights", Text: locale.NeedsRights})
	}
	if len(wrong) > 0 {
		values := map[string]string{"name": v.form("name"), "birth": v.form("birth"), "phone": v.form("phone")}
		for _, right := range v.r.PostForm["right"] {
			values["right-"+right] = right
		}
		return v.persons(http.StatusUnprocessableEntity, ui.Form{Wrong: wrong, Values: values})
	}
	_, err := v.relay.organisations.AuthorisePerson(v.as(), &addressv1.AuthorisePersonRequest{Name: name, BirthDate: birth, Phone: phone, Rights: given})
	if err != nil {
		return err
	}
	v.redirect("/organisations/persons?done=person")
	return nil
}

// rights are those that are ticked.
func (v *visit) rights() []addressv1.AuthorityRight {
	var ticked []addressv1.AuthorityRight
	for _, known := range rightTexts() {
		if slices.Contains(v.r.PostForm["right"], strconv.Itoa(int(known.right))) {
			ticked = append(ticked, known.right)
		}
	}
	return ticked
}

// setRights changes what a person may do for the organisation.
func (v *visit) setRights() error {
	given := v.rights()
	if len(given) == 0 {
		return v.persons(http.StatusUnprocessableEntity, ui.Form{Wrong: []ui.Wrong{{Field: "persons", Text: locale.NeedsRights}}})
	}
	if _, err := v.relay.organisations.SetRights(v.as(), &addressv1.SetRightsRequest{Id: v.form("authority"), Rights: given}); err != nil {
		return err
	}
	v.redirect("/organisations/persons?done=person")
	return nil
}

// rightText is a right and what people call it.
type rightText struct {
	right addressv1.AuthorityRight
	text  locale.Text
	// sends marks what only an organisation lets somebody do.
	sends bool
}

func rightTexts() []rightText {
	return []rightText{
		{right: addressv1.AuthorityRight_AUTHORITY_RIGHT_RECEIVE, text: locale.RightReceive},
		{right: addressv1.AuthorityRight_AUTHORITY_RIGHT_SEND, text: locale.RightSend, sends: true},
		{right: addressv1.AuthorityRight_AUTHORITY_RIGHT_APPROVE, text: locale.RightApprove, sends: true},
		{right: addressv1.AuthorityRight_AUTHORITY_RIGHT_LOOK, text: locale.RightLook},
		{right: addressv1.AuthorityRight_AUTHORITY_RIGHT_CERTIFICATES, text: locale.RightCertificates},
	}
}

// rightsView are all rights that can be given, of which the authority's are ticked. A person's proxy does not send.
func (v *visit) rightsView(a *addressv1.Authority) []ui.RightView {
	var all []ui.RightView
	for _, known := range rightTexts() {
		if v.session.Organisation == nil && known.sends {
			continue
		}
		all = append(all, ui.RightView{
			Option: ui.Option{Value: strconv.Itoa(int(known.right)), Text: known.text}, Given: slices.Contains(a.GetRights(), known.right),
		})
	}
	return all
}

func (v *visit) endAuthority() error {
	_, err := v.relay.organisations.EndAuthority(v.as(), &addressv1.EndAuthorityRequest{Id: v.form("authority")})
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	v.redirect("/organisations/persons?done=person")
	return nil
}
