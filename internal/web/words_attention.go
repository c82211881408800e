package web

// AttentionWords are those of the page Attention and of what is behind it.
type AttentionWords struct {
	Hint, AllWell, AllWellHint                     string
	Users, Since, Latest, Open, Code, WhatToDo     string
	Inbox, InboxHint, ExternalID, Event, Why       string
	Times, Settle, SettleDo, Settled, NotSettled   string
	InboxMore                                      string
	Select, User, Mail, Attempts, ServerSaid       string
	ActTitle, Do, Scope, ScopeTicked, ScopeGroup   string
	Cap, TypeHint, Submit, NoAct, NoUsers, Gone    string
	Result, ResultAll, ResultSome, NotFor, Example string
	ToGroup, ToAll, TooMany, Changed               string
	Acts                                           map[string]string // by GroupAct
}

func englishAttention() AttentionWords {
	return AttentionWords{
		Hint: "What alta can't settle by itself, by its cause.", AllWell: "Nothing waits for you",
		AllWellHint: "No mail is held, in doubt or failed, and every webhook found its user.",
		Users:       "Users", Since: "Since", Latest: "Latest", Open: "Look and act", Code: "Code", WhatToDo: "What to do",
		Inbox: "Webhooks without a user", InboxHint: "The partner told something that alta could not apply.", ExternalID: "External id", Event: "Event", Why: "Why it waits",
		Times: "Times", Settle: "Settle", SettleDo: "Mark as seen to", Settled: "The news is marked as seen to.", NotSettled: "That news no longer waits.",
		InboxMore: "There are more; settle these first.",
		Select:    "Choose", User: "User", Mail: "Mail", Attempts: "Attempts", ServerSaid: "What was said",
		ActTitle: "Act on these users", Do: "What to do", Scope: "For whom", ScopeTicked: "The users ticked above", ScopeGroup: "Everybody of this group: %s",
		Cap: "At most %s at once; the rest stays here for the next time.", TypeHint: "For everybody, type the number %s:", Submit: "Do it",
		NoAct: "Choose what to do.", NoUsers: "Tick at least one user, or choose everybody of the group.", Gone: "Nobody of that group waits any more.",
		Result: "Result", ResultAll: "Done for %s.", ResultSome: "Done for %s; refused for %s.", NotFor: "Refused for", Example: "for example",
		ToGroup: "Back to the group", ToAll: "To all that waits",
		TooMany: "%s are ticked, and a page shows %s at most, so nothing was done. Go back and tick fewer, or choose everybody of the group.",
		Changed: "The group has changed since your page was loaded: it is %s now. Nothing was done; look at the group again, and decide anew.",
		Acts: map[string]string{
			"resend": "Resend the mail", "force": "Resend, even soon after another mail",
			"verified": "Mark as verified", "rejected": "Mark as rejected", "opted_out": "Opt out",
		},
	}
}

func spanishAttention() AttentionWords {
	return AttentionWords{
		Hint: "Lo que alta no puede resolver sola, según la causa.", AllWell: "Nada le espera",
		AllWellHint: "Ningún correo está retenido, en duda ni fallido, y cada webhook encontró a su usuario.",
		Users:       "Usuarios", Since: "Desde", Latest: "Último", Open: "Ver y actuar", Code: "Código", WhatToDo: "Qué hacer",
		Inbox: "Webhooks sin usuario", InboxHint: "El socio informó de algo que alta no pudo aplicar.", ExternalID: "Id externo", Event: "Evento", Why: "Por qué espera",
		Times: "Veces", Settle: "Atender", SettleDo: "Dar por atendida", Settled: "La noticia queda atendida.", NotSettled: "Esa noticia ya no espera.",
		InboxMore: "Hay más; atienda primero estas.",
		Select:    "Elegir", User: "Usuario", Mail: "Correo", Attempts: "Intentos", ServerSaid: "Qué se dijo",
		ActTitle: "Actuar sobre estos usuarios", Do: "Qué hacer", Scope: "Para quién", ScopeTicked: "Los usuarios marcados arriba", ScopeGroup: "Todos los de este grupo: %s",
		Cap: "%s como máximo a la vez; el resto queda aquí para la próxima.", TypeHint: "Para todos, escriba el número %s:", Submit: "Hacerlo",
		NoAct: "Elija qué hacer.", NoUsers: "Marque al menos un usuario o elija a todo el grupo.", Gone: "Ya nadie de ese grupo espera.",
		Result: "Resultado", ResultAll: "Hecho para %s.", ResultSome: "Hecho para %s; rechazado para %s.", NotFor: "Rechazado para", Example: "por ejemplo",
		ToGroup: "Volver al grupo", ToAll: "A todo lo que espera",
		TooMany: "Hay %s marcados y una página muestra %s como máximo, así que no se hizo nada. Vuelva y marque menos, o elija a todo el grupo.",
		Changed: "El grupo cambió desde que se cargó su página: ahora es de %s. No se hizo nada; mire otra vez el grupo y decida de nuevo.",
		Acts: map[string]string{
			"resend": "Reenviar el correo", "force": "Reenviar, aunque sea pronto tras otro correo",
			"verified": "Marcar como verificado", "rejected": "Marcar como rechazado", "opted_out": "Dar de baja",
		},
	}
}
