package web

// OverviewWords are those of the page Overview.
type OverviewWords struct {
	Funnel, FunnelHint, All, NobodyYet                    string
	Waiting, Mailed, Opened, InReview, Verified           string
	Rejected, OptedOut, Erased, Undeliverable, Withdrawn  string
	MailsADay, MailsDesc, NoMails, Last30                 string
	TimeToVerified, TimesDesc, Median, NobodyVerified     string
	Day, Users, Time, TotalRow                            string
	Queue, Due, Later, Retry, Underway, Held, Doubt       string
	Failed, OldestDue, NextDue                            string
	Runs, NextRun, NoRuns, Run, Started, Took             string
	Selected, Sent, Result, RunDone, RunOutage, RunError  string
	RunGoesOn, RunSome                                    string
	Live, LiveNone, LiveSince, LiveOf, LiveSent, LiveBad  string
	Outage, OutageSince, WhatToDo, NothingLost            string
	ProbeNext, ProbeAt, TryNow, Trying, HeldCountry       string
	GuardTitle, GuardWhat, GuardUsual, GuardDo            string
	GuardButton, TypeMails, NotApproved, Approved, MailsN string
	Fleet, Machine, Version, UpFor, Seen, Leads, Draining string
	Serving, Workers, Preparing, Sending, Role, NoMachine string
	PausedQueue                                           string
}

func englishOverview() OverviewWords {
	return OverviewWords{
		Funnel: "Where users stand", FunnelHint: "All users, by how far they have come.", All: "All countries", NobodyYet: "No users yet. Import some, and the first run mails them.",
		Waiting: "Pending, no mail yet", Mailed: "Mailed", Opened: "Opened the link", InReview: "In review", Verified: "Verified",
		Rejected: "Rejected", OptedOut: "Opted out", Erased: "Erased", Undeliverable: "Undeliverable address", Withdrawn: "No longer in the source",
		MailsADay: "Mails a day", MailsDesc: "%s mails were sent from %s to %s.", NoMails: "No mail was sent yet.", Last30: "Last 30 days",
		TimeToVerified: "From the first mail to verified", TimesDesc: "The middle one of the verified users took: %s.", Median: "Median", NobodyVerified: "Nobody was verified yet.",
		Day: "Day", Users: "Users", Time: "Time", TotalRow: "Total",
		Queue: "Queue", Due: "Due now", Later: "Later", Retry: "To be tried again", Underway: "Being sent", Held: "Held", Doubt: "In doubt",
		Failed: "Failed", OldestDue: "the oldest for %s", NextDue: "the next in %s",
		Runs: "Runs", NextRun: "Next run", NoRuns: "No run yet.", Run: "Run", Started: "Started", Took: "Took",
		Selected: "Taken up", Sent: "Sent", Result: "Result", RunDone: "Done", RunOutage: "Outage", RunError: "Error",
		RunGoesOn: "Under way", RunSome: "Some not sent",
		Live: "Run under way", LiveNone: "No run is under way.", LiveSince: "for %s", LiveOf: "%s of %s mails", LiveSent: "%s sent", LiveBad: "%s not sent",
		Outage: "Sending is paused", OutageSince: "Since", WhatToDo: "What to do", NothingLost: "Nothing is lost: what is due waits.",
		ProbeNext: "The next run tries one mail; when it goes through, so do the rest.", ProbeAt: "One mail is tried after", TryNow: "Try now",
		Trying: "A run has begun. If its first mail goes through, the pause is over.", HeldCountry: "On hold: %s, %s",
		GuardTitle: "A run was stopped: far more mails are due than usual", GuardWhat: "It would send %s. alta asks before it surprises that many people.",
		GuardUsual: "The latest runs that mailed sent:", GuardDo: "Look at the forecast. If the number is right, type it, and the run goes.",
		GuardButton: "Let it go", TypeMails: "Type how many mails the run may send.",
		NotApproved: "Nothing was approved: another number of mails is due by now. Look again.", Approved: "Approved. The run begins within seconds.", MailsN: "Number of mails",
		Fleet: "Machines", Machine: "Machine", Version: "Version", UpFor: "Up for", Seen: "Seen", Leads: "Leads", Draining: "Draining",
		Serving: "Serving", Workers: "Workers", Preparing: "Preparing", Sending: "Sending", Role: "Role", NoMachine: "No machine serves. “alta serve” starts one.",
		PausedQueue: "River's queue %s was paused with a tool of River's. Nothing in it goes on until it is resumed there. Since",
	}
}

func spanishOverview() OverviewWords {
	return OverviewWords{
		Funnel: "Dónde están los usuarios", FunnelHint: "Todos los usuarios, según cuánto avanzaron.", All: "Todos los países", NobodyYet: "Aún no hay usuarios. Impórtelos y la primera ejecución les escribe.",
		Waiting: "Pendiente, sin correo", Mailed: "Con correo", Opened: "Abrió el enlace", InReview: "En revisión", Verified: "Verificado",
		Rejected: "Rechazado", OptedOut: "Dado de baja", Erased: "Borrado", Undeliverable: "Dirección inservible", Withdrawn: "Ya no está en la fuente",
		MailsADay: "Correos por día", MailsDesc: "Se enviaron %s correos del %s al %s.", NoMails: "Aún no se envió ningún correo.", Last30: "Últimos 30 días",
		TimeToVerified: "Del primer correo a verificado", TimesDesc: "El verificado de en medio tardó: %s.", Median: "Mediana", NobodyVerified: "Aún no hay verificados.",
		Day: "Día", Users: "Usuarios", Time: "Tiempo", TotalRow: "Total",
		Queue: "Cola", Due: "Por enviar ya", Later: "Más tarde", Retry: "Se reintenta", Underway: "Enviándose", Held: "Retenidos", Doubt: "En duda",
		Failed: "Fallidos", OldestDue: "el más antiguo hace %s", NextDue: "el próximo en %s",
		Runs: "Ejecuciones", NextRun: "Próxima ejecución", NoRuns: "Aún no hay ejecuciones.", Run: "Ejecución", Started: "Inicio", Took: "Duró",
		Selected: "Tomados", Sent: "Enviados", Result: "Resultado", RunDone: "Completa", RunOutage: "Interrupción", RunError: "Error",
		RunGoesOn: "En curso", RunSome: "Algunos sin enviar",
		Live: "Ejecución en curso", LiveNone: "No hay ninguna ejecución en curso.", LiveSince: "desde hace %s", LiveOf: "%s de %s correos", LiveSent: "%s enviados", LiveBad: "%s sin enviar",
		Outage: "El envío está en pausa", OutageSince: "Desde", WhatToDo: "Qué hacer", NothingLost: "No se pierde nada: lo pendiente espera.",
		ProbeNext: "La siguiente ejecución prueba con un correo; si pasa, siguen los demás.", ProbeAt: "Se prueba con un correo después de", TryNow: "Probar ahora",
		Trying: "Empezó una ejecución. Si su primer correo pasa, la pausa termina.", HeldCountry: "En espera: %s, %s",
		GuardTitle: "Se detuvo una ejecución: hay muchos más correos que de costumbre", GuardWhat: "Enviaría %s. alta pregunta antes de sorprender a tanta gente.",
		GuardUsual: "Las últimas ejecuciones que enviaron:", GuardDo: "Mire el pronóstico. Si el número es correcto, escríbalo y la ejecución sale.",
		GuardButton: "Dejarla salir", TypeMails: "Escriba cuántos correos puede enviar la ejecución.",
		NotApproved: "No se aprobó nada: ahora es otro el número de correos. Mire de nuevo.", Approved: "Aprobada. La ejecución empieza en segundos.", MailsN: "Número de correos",
		Fleet: "Máquinas", Machine: "Máquina", Version: "Versión", UpFor: "Activa", Seen: "Vista", Leads: "Dirige", Draining: "Vaciándose",
		Serving: "Activa", Workers: "Trabajadores", Preparing: "Preparando", Sending: "Enviando", Role: "Papel", NoMachine: "No hay ninguna máquina. «alta serve» inicia una.",
		PausedQueue: "La cola %s de River se pausó con una herramienta de River. Nada en ella avanza hasta que se reanude allí. Desde",
	}
}
