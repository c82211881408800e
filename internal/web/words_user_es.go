package web

func spanishUser() UserWords {
	return UserWords{
		Email: "Correo", ExternalID: "Id externo", ID: "Id", Country: "País", Language: "Idioma", Type: "Tipo",
		TimeZone: "Zona horaria", LocalTime: "Hora local", Mails: "Correos", LastMail: "Último correo", Link: "Último enlace",
		LinkLasts: "no caduca", LinkUntil: "sirve hasta", LinkOver: "caducado", Opened: "Lo abrió", Added: "Alta",
		AddressBad: "Dirección sin entrega", Withdrawn: "Retirado por la fuente", NoEmail: "sin dirección",
		Next: "Qué sigue", ServerSaid: "El servidor de correo dijo", Because: "Motivo registrado", By: "por", History: "Todo lo ocurrido",
		HistoryHint: "Lo más reciente primero.", HistoryCut: "Solo se muestran los últimos 500.", PausedFor: "Pero el envío está en pausa:",
		Probe: "Se prueba un correo después del", ProbeNext: "La próxima ejecución prueba un correo.", Copy: "Copiar",

		Acts: "Actuar", ActsHint: "Cada acción pide el motivo, que queda en la auditoría.", ActsErased: "Este usuario fue borrado. Es definitivo y ya no se puede hacer nada.",
		Resend: "Enviar de nuevo", ResendHint: "«%s» sale de inmediato, a cualquier hora, en lugar de lo previsto.", ResendDo: "Enviar ahora",
		Force: "Aunque el último correo sea reciente", OptedOutHint: "Este usuario se dio de baja. Envíe solo lo que haya pedido.",
		Hold: "Retener", HoldHint: "El próximo correo no sale hasta que lo libere o envíe de nuevo.", HoldDo: "Retener el correo",
		Release: "Liberar", ReleaseHint: "El correo vuelve a quedar previsto para su hora.", ReleaseDo: "Liberar el correo",
		Mark: "Cambiar el estado", MarkHint: "Solo los pendientes reciben correo. Al volver a pendiente se prevé el siguiente.", MarkDo: "Cambiar", NewStatus: "Nuevo estado", NoStatus: "Elija uno de los estados.",
		OptOut: "Dar de baja", OptOutHint: "No sale más correo por sí solo, y los enlaces del usuario dejan de servir.", OptOutDo: "Dar de baja al usuario",
		Erase: "Borrar", EraseHint: "Nombre, dirección, enlaces y lo que dijeron los servidores se eliminan para siempre. El id queda, para que ninguna importación lo traiga de vuelta. No se puede deshacer.",
		EraseDo: "Borrar para siempre", TypeID: "Escriba el id para confirmar:", NotTyped: "Para borrar a un usuario, escriba el id tal como aparece. No se cambió nada.",

		Resent: "El correo ya está previsto para ahora; sale en segundos.", Held: "El correo queda retenido. Nada sale hasta que lo libere o envíe de nuevo.",
		Released: "El correo queda liberado y previsto como estaba.", Marked: "El estado es ahora: %s.", OptedOut: "El usuario está dado de baja. Lo previsto se cancela.",
		Erased: "Los datos personales del usuario se eliminaron.",

		WhyNot: map[string]string{
			"gap":       "El último correo salió hace %s, y el plan deja tranquilo al usuario %s más. Marque la casilla para enviar de todos modos.",
			"status":    "El estado es «%s»: el correo va a los pendientes y, a mano, a quienes se dieron de baja.",
			"withdrawn": "La fuente ya no devuelve al usuario, así que no puede salir correo.",
			"underway":  "Un correo al usuario está saliendo en este momento. Pruebe de nuevo en un minuto.",
			"not_due":   "No hay ningún correo previsto para el usuario, así que no hay qué retener.",
			"held":      "El próximo correo ya está retenido.",
			"waits":     "El correo le espera tal como está; nada sale por sí solo.",
			"not_held":  "Ningún operador retiene un correo de este usuario.",
			"erased":    "El usuario fue borrado, y eso es definitivo.",
			"same":      "El usuario ya tiene ese estado.",
		},
		Outlooks: map[string]OutlookText{
			"now":           {"Sale con la próxima ejecución: %s", "Ya toca."},
			"later":         {"Previsto: %s", "Sale por sí solo a esa hora."},
			"hours":         {"Espera una hora adecuada: %s", "Ya toca, y sale cuando empiecen las horas de envío donde vive el usuario."},
			"plan":          {"El plan aplaza: %s", "El plan actual, o la pausa tras otro correo, lo prevé para más tarde."},
			"cancel":        {"Se cancelará: %s", "Ya toca, pero el plan ya no lo prevé."},
			"underway":      {"Está saliendo en este momento: %s", "Mire de nuevo en un minuto."},
			"interrupted":   {"Estaba saliendo cuando alta terminó: %s", "La próxima ejecución lo resuelve."},
			"held_by_hand":  {"Retenido por un operador: %s", "Nada sale hasta que se libere o se envíe de nuevo."},
			"held":          {"Retenido: %s", "Corrija la causa y envíe de nuevo."},
			"doubt":         {"No es seguro que llegara: %s", "Revise el registro del servidor de correo. Enviar de nuevo repite exactamente el mismo mensaje."},
			"none_status":   {"Nada: el estado es «%s»", "Solo los pendientes reciben correo por sí solo."},
			"none_withdraw": {"Nada: la fuente ya no devuelve al usuario", "Si vuelve a hacerlo, los correos siguen por sí solos."},
			"none_address":  {"Nada: la dirección no admite correo", "Importe una dirección mejor y el correo sigue por sí solo."},
			"none_failed":   {"Nada: falló %s", "Corrija la causa y envíe de nuevo."},
			"none_changed":  {"Nada: el plan ya no prevé un correo", "Cuando tocaba el siguiente, el plan de entonces no lo tenía. Puede enviar uno a mano."},
			"none_most":     {"Nada: el usuario recibió %s", "Es el máximo que permite plan.max_mails. Puede enviar uno a mano."},
			"none_over":     {"Nada: el usuario recibió todos los correos del plan", "Puede enviar uno a mano."},
		},
		Timeline: TimelineWords{
			Added: "Entró en el registro", Updated: "Cambiaron sus datos, por última vez", Verified: "Quedó verificado", Link: "Se creó un enlace para un correo",
			Lasts: "No caduca.", Until: "Sirve hasta el %s.", Often: "%s veces, la última el %s.",
			News: "El socio informó «%s»", Asked: "Se preguntó a la API del socio en qué estado está el usuario",
			Outcomes: map[string]string{
				"sent": "%s: salió", "retry": "%s: se aplazó", "failed": "%s: falló", "held": "%s: se retuvo", "doubt": "%s: queda en duda", "cancelled": "%s: se canceló",
			},
			Visits: map[string]string{
				"scan": "Un escáner leyó el enlace de «%s»", "open": "Abrió el enlace de «%s»", "mint": "Siguió a la verificación desde «%s»",
				"use": "Siguió a la misma verificación desde «%s»", "turn": "Quiso la verificación desde «%s» y no se pudo abrir",
			},
			Sessions: map[string]string{"minting": "Se está abriendo una verificación", "open": "Se abrió una verificación", "failed": "No se pudo abrir una verificación"},
			AskedBy:  map[string]string{"click": "Tras un clic en un correo.", "app": "Para una aplicación, o para ver si la API del socio ha vuelto."},
			Effects: map[string]string{
				"applied": "El estado la sigue.", "known": "Ya se sabía.", "unknown_user": "Espera a un operador.",
				"several_users": "Varios usuarios tienen este id externo, así que espera a un operador.", "unknown_event": "alta no la conoce, así que espera a un operador.",
			},
			Actions: spanishActions(),
		},
	}
}

// spanishActions are the actions of the audit log.
func spanishActions() map[string]string {
	return map[string]string{
		"mark": "Estado cambiado a mano", "resend": "Enviado de nuevo a mano", "hold": "Retenido a mano", "release": "Liberado a mano", "erase": "Borrado",
		"opt_out": "Dado de baja", "ask_later": "Pidió un correo cuando vuelva el servicio", "approve": "Se aprobó una ejecución", "try_now": "Se probó enseguida tras un corte",
		"enrol": "Llegó, o cambió, por la API", "link": "Se entregó un enlace por la API", "run": "Se inició una ejecución por la API",
		"settle_news": "Noticia atendida", "test_mail": "Se envió un correo de prueba", "token_add": "Se creó un token", "token_revoke": "Se revocó un token", "rekey": "Se cambió la clave de datos", "move": "Se trasladó el registro",
	}
}
