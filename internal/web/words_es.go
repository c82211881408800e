package web

func spanishWords() *Words {
	return &Words{
		Language:  "Español",
		Units:     UnitWords{Second: "s", Minute: "min", Hour: "h", Day: "día", Days: "días"},
		Roles:     RoleWords{Viewer: "solo lectura", Operator: "operador"},
		Shell:     spanishShell(),
		Errors:    spanishErrors(),
		Acts:      spanishActs(),
		Causes:    spanishCauses(),
		Overview:  spanishOverview(),
		Forecast:  spanishForecast(),
		Attention: spanishAttention(),
		Mails:     spanishMails(),
		Domain: DomainWords{
			Statuses: map[string]string{
				"pending": "Pendiente", "in_review": "En revisión", "verified": "Verificado", "rejected": "Rechazado",
				"opted_out": "Dado de baja", "erased": "Borrado",
			},
			Steps: map[string]string{"invite": "Invitación", "reminder": "Recordatorio", "reissue": "Enlace nuevo"},
			States: map[string]string{
				"due": "Por enviar", "claimed": "En preparación", "sending": "Enviándose", "sent": "Enviado", "failed": "Fallido",
				"held": "Retenido", "cancelled": "Cancelado", "doubt": "En duda",
			},
			Countries: map[string]string{"MX": "México", "DO": "República Dominicana"},
			Types:     map[string]string{"INDIVIDUAL": "Persona", "BUSINESS": "Empresa"},
			Triggers:  map[string]string{"schedule": "Programada", "command": "A mano", "resend": "Reenvío"},
			Users:     Noun{"usuario", "usuarios"},
			Mails:     Noun{"correo", "correos"},
		},
	}
}

func spanishShell() ShellWords {
	s := ShellWords{
		Product: "alta", Skip: "Ir al contenido", Navigation: "Navegación principal",
		Overview: "Resumen", Users: "Usuarios", Forecast: "Pronóstico", Attention: "Atención", Mails: "Correos", Audit: "Auditoría",
		SignedInAs: "Sesión de", SignOut: "Cerrar sesión", SignIn: "Iniciar sesión",
		LanguageLabel: "Idioma", Switch: "Cambiar", TimesIn: "Horas de",
		Reason: "Motivo", ReasonHint: "Queda en la auditoría, con su nombre.",
		Confirm: "Número de usuarios", ConfirmHint: "Escriba %s para confirmar.",
		Cancel: "Cancelar", Back: "Volver", Next: "Página siguiente", First: "Primera página", Show: "Mostrar",
		None: "Ninguno", Never: "Nunca", Unknown: "Desconocido",
		ViewersMayNot: "Aquí puede verlo todo. Para actuar, inicie sesión con un token de operador.",
		Table:         "Las cifras en una tabla",
	}
	s.Tones.Done, s.Tones.Warning, s.Tones.Failed = "Hecho", "Tenga en cuenta", "No se hizo"
	return s
}

func spanishErrors() ErrorWords {
	return ErrorWords{
		NotFound: ErrorText{
			"Aquí no hay nada", "Esta dirección no lleva a ninguna página de alta. Quizá lo que nombraba ya no existe.",
			"Revise la dirección o parta del resumen.",
		},
		Forbidden: ErrorText{
			"No tiene permiso", "Su token es de solo lectura y esto cambiaría algo; o el formulario vino de otro sitio.",
			"Inicie sesión con un token de operador. Quien administra alta crea uno con «alta token add».",
		},
		Method: ErrorText{
			"Eso no se puede hacer aquí", "Esta dirección no acepta ese tipo de petición.", "Use los botones de la página; no se cambió nada.",
		},
		Broken: ErrorText{
			"No funcionó", "Algo falló dentro de alta. Lo enviado y escrito antes está a salvo.",
			"Intente de nuevo en un momento. Si sigue, busque en el registro de alta la hora de abajo: dice qué pasó.",
		},
		TooMany: ErrorText{
			"Demasiado a la vez", "Llegaron demasiadas peticiones en poco tiempo.", "Espere un minuto e intente de nuevo.",
		},
		BadRequest: ErrorText{
			"Falta algo en el formulario", "El formulario no se llenó como debe. No se cambió nada.", "Vuelva, corríjalo y envíelo de nuevo.",
		},
		Home: "Al resumen",
	}
}
