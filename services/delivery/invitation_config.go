package delivery

import (
	"net"
	"net/mail"
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/id"
)

// Invitation is how recipients who are members nowhere are invited to join (가입유도).
type Invitation struct {
	// Channel takes the invitations: webhook or smtp. If it is empty, nobody is invited.
	Channel string `yaml:"channel"`
	// Relay is this relay's name, as invitations tell it.
	Relay string `yaml:"relay"`
	// Join is the address of this relay's page where invitees join; the code follows it.
	Join string `yaml:"join"`
	// Again is the shortest time between two messages of one sender to one contact.
	Again config.Duration `yaml:"again"`
	// Attempts after which an invitation is given up, about a day at the default backoff.
	Attempts int `yaml:"attempts"`
	// Workers that call the channel at once.
	Workers int `yaml:"workers"`
	// Timeout of a call, at most 30 s.
	Timeout config.Duration `yaml:"timeout"`
	// Quiet are the hours of the day in Korea without messages, e.g. 21:00-08:00; empty for none.
	Quiet string `yaml:"quiet"`
	// Webhook is often that of the notices.
	Webhook Hook `yaml:"webhook"`
	SMTP    SMTP `yaml:"smtp"`
}

// SMTP is a mail server that takes the operator's mail.
type SMTP struct {
	Host string `yaml:"host"`
	Port int    `yaml:"port"`
	// From is the sender of the mails, also with a name.
	From string `yaml:"from"`
	User string `yaml:"user"`
	// PasswordFile is required with User.
	PasswordFile config.SecretFile `yaml:"password_file"`
	// CAFile holds the certificates that the server's must lead to; empty for those of the machine.
	CAFile string `yaml:"ca_file" reads:"file"`
	// AllowPlain leaves STARTTLS out; only where the host is this machine.
	AllowPlain bool `yaml:"allow_plain"`
}

// The channels.
const (
	channelWebhook = "webhook"
	channelSMTP    = "smtp"
)

// maxAgain bounds the time between two messages; a row that has ended is kept longer (invitationKept).
const maxAgain = 90 * 24 * time.Hour

func defaultInvitation() Invitation {
	return Invitation{
		Again: config.Duration(7 * 24 * time.Hour), Attempts: 300, Workers: 8, Timeout: config.Duration(10 * time.Second), SMTP: SMTP{Port: 587},
	}
}

func (i Invitation) validate(p *config.Problems) {
	switch i.Channel {
	case "":
		return
	case channelWebhook:
		i.Webhook.validate(p, "invitation.webhook")
	case channelSMTP:
		i.SMTP.validate(p)
	default:
		p.Add("invitation.channel", "must be %s or %s, or empty", channelWebhook, channelSMTP)
	}
	if i.Relay == "" {
		p.Add("invitation.relay", "is required: invitations name the relay")
	}
	if _, ok := webURL(i.Join); !ok {
		p.Add("invitation.join", "must be an http or https URL")
	}
	if i.Again < 0 || i.Again.Std() > maxAgain {
		p.Add("invitation.again", "must be between 0s and %s", maxAgain)
	}
	if i.Attempts < 1 || i.Workers < 1 || i.Timeout <= 0 || i.Timeout.Std() > maxNoticeTimeout {
		p.Add("invitation", "attempts, workers and timeout must be above zero, timeout at most %s", maxNoticeTimeout)
	}
	if _, err := quietHours(i.Quiet); err != nil {
		p.Add("invitation.quiet", "must be two times of the day, e.g. 21:00-08:00")
	}
}

func (s SMTP) validate(p *config.Problems) {
	if s.Host == "" || s.Port < 1 || s.Port > 65535 {
		p.Add("invitation.smtp", "host and port are required")
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		p.Add("invitation.smtp.from", "must be a mail address")
	}
	if (s.User == "") != (s.PasswordFile.Value() == "") {
		p.Add("invitation.smtp", "user and password_file are given together")
	}
	if s.AllowPlain && !isLoopback(s.Host) {
		p.Add("invitation.smtp.allow_plain", "is only for a mail server on this machine")
	}
	if s.CAFile != "" {
		if _, err := config.Roots(s.CAFile); err != nil {
			p.Add("invitation.smtp.ca_file", "must name a file with certificates: %v", err)
		}
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// quiet are hours of the day in which nobody is disturbed, as minutes of the day; they may pass midnight.
type quiet struct{ from, to int }

func quietHours(text string) (quiet, error) {
	if text == "" {
		return quiet{}, nil
	}
	if len(text) != len("21:00-08:00") || text[5] != '-' {
		return quiet{}, errQuiet
	}
	from, err := time.Parse("15:04", text[:5])
	if err != nil {
		return quiet{}, errQuiet
	}
	to, err := time.Parse("15:04", text[6:])
	if err != nil {
		return quiet{}, errQuiet
	}
	return quiet{from: from.Hour()*60 + from.Minute(), to: to.Hour()*60 + to.Minute()}, nil
}

func (q quiet) at(now time.Time) bool {
	now = now.In(id.KST)
	minute := now.Hour()*60 + now.Minute()
	if q.from <= q.to {
		return q.from <= minute && minute < q.to
	}
	return q.from <= minute || minute < q.to
}
