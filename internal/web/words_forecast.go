package web

// ForecastWords are those of the page Forecast.
type ForecastWords struct {
	Hint, ByHour, ChartDesc, Nothing                 string
	Hour, All, ByOperator, Today                     string
	DryRun, DryHint, At, Look, BadTime               string
	WouldSend, WouldWait, NothingDue, OnlyFirst      string
	User, Mail, DueAt, What, Sends, Asked, WaitUntil string
	Waits                                            map[string]string // by Wait
}

func englishForecast() ForecastWords {
	return ForecastWords{
		Hint:   "What is planned now. Some of it won't go: users verify meanwhile, and the sending hours can put a mail off.",
		ByHour: "The next 24 hours", ChartDesc: "%s mails fall due within 24 hours.", Nothing: "Nothing falls due in the next 24 hours.",
		Hour: "Hour", All: "All", ByOperator: "By operators", Today: "Total",
		DryRun: "Dry run", DryHint: "What a run at that time would do, with what is planned now. Nothing is minted, sent or written.",
		At: "Time of the run", Look: "Look", BadTime: "That is no time within the next year. Write it as 2026-11-24T18:05.",
		WouldSend: "%s would be sent", WouldWait: "%s would wait", NothingDue: "Nothing would be due then.",
		OnlyFirst: "Of %s that would be due, the first %s are shown.",
		User:      "User", Mail: "Mail", DueAt: "Due", What: "What happens", Sends: "Sent", Asked: "Asked for by an operator", WaitUntil: "until",
		Waits: map[string]string{
			"hours": "Waits for a decent hour where the user lives", "plan": "Waits: too soon after the mail before, or the plan owes it later",
			"pause": "Waits: sending is paused", "cancel": "Not sent: the plan no longer owes it",
		},
	}
}

func spanishForecast() ForecastWords {
	return ForecastWords{
		Hint:   "Lo que está planeado ahora. Una parte no saldrá: hay quien se verifica antes, y el horario de envío puede aplazar un correo.",
		ByHour: "Las próximas 24 horas", ChartDesc: "%s correos vencen en 24 horas.", Nothing: "No vence nada en las próximas 24 horas.",
		Hour: "Hora", All: "Todos", ByOperator: "De operadores", Today: "Total",
		DryRun: "Simulación", DryHint: "Lo que haría una ejecución a esa hora, con lo planeado ahora. No se crea, envía ni escribe nada.",
		At: "Hora de la ejecución", Look: "Mirar", BadTime: "Esa no es una hora dentro del próximo año. Escríbala como 2026-11-24T18:05.",
		WouldSend: "%s se enviarían", WouldWait: "%s esperarían", NothingDue: "A esa hora no habría nada por enviar.",
		OnlyFirst: "De %s por enviar se muestran los primeros %s.",
		User:      "Usuario", Mail: "Correo", DueAt: "Vence", What: "Qué pasa", Sends: "Se envía", Asked: "Pedido por un operador", WaitUntil: "hasta",
		Waits: map[string]string{
			"hours": "Espera una hora decente donde vive el usuario", "plan": "Espera: es pronto tras el correo anterior, o el plan lo debe más tarde",
			"pause": "Espera: el envío está en pausa", "cancel": "No se envía: el plan ya no lo debe",
		},
	}
}
