package gpgate

import "strings"

// mute says that packets do not count before a report. The caller holds mu.
func (s *session) mute() bool {
	hip := s.g.config.Load().HIP
	return hip.Wanted && hip.Enforce && !s.reported
}

// hipCheck says whether a report is wanted: once for each token.
func (g *gate) hipCheck(r *request) reply {
	s, no := g.known(r)
	if s == nil {
		return no
	}
	s.mu.Lock()
	known := s.reported && s.token == r.fields.Get("md5")
	s.token = r.fields.Get("md5")
	if !known {
		s.reported = false
	}
	s.mu.Unlock()
	needed := "no"
	if r.c.HIP.Wanted && !known {
		needed = "yes"
	}
	return reply{body: render(hipPage, values{"needed": needed})}
}

var hipPage = page(`<?xml version="1.0" encoding="UTF-8"?>
<response status="success"><hip-report-needed>{{.needed}}</hip-report-needed></response>
`)

// hipReport takes a report, which names the token that the check had. The TLS tunnel
// does not outlive it.
func (g *gate) hipReport(r *request) reply {
	s, no := g.known(r)
	if s == nil {
		return no
	}
	report := r.fields.Get("report")
	g.seen.add(Event{Kind: Report, User: s.user, Session: s.number, Note: report})
	s.mu.Lock()
	right := s.token != "" && strings.Contains(report, "<md5-sum>"+s.token+"</md5-sum>") && !r.c.HIP.Refuse
	s.reported = right
	s.mu.Unlock()
	if !right {
		return reply{body: ErrorXML("Invalid HIP report")}
	}
	s.cut()
	return reply{body: `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<response status="success"/>` + "\n"}
}
