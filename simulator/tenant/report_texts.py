"""What reports and automatic replies say, in the languages that tests need."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Texts:
    """One language. Subjects begin with these words; `{to}` are the recipients."""

    failed: str
    delayed: str
    delivered: str
    relayed: str
    automatic: str
    failed_text: str
    delayed_text: str
    delivered_text: str
    relayed_text: str
    automatic_text: str

    def subject(self, action: str) -> str:
        """Return the beginning of a report's subject."""
        found: str = getattr(self, action)
        return found

    def sentence(self, action: str, to: str) -> str:
        """Return what a report says to a person."""
        found: str = getattr(self, f"{action}_text")
        return found.format(to=to)


TEXTS: Mapping[str, Texts] = {
    "en": Texts(
        failed="Undeliverable: ",
        delayed="Delivery delayed: ",
        delivered="Delivered: ",
        relayed="Relayed: ",
        automatic="Automatic reply: ",
        failed_text="Your message to {to} couldn't be delivered.",
        delayed_text="Delivery to {to} is delayed. You do not need to send the message again.",
        delivered_text="Your message has been delivered to {to}.",
        relayed_text="Delivery to {to} is complete, but that server sent no notification.",
        automatic_text="I am out of the office and will answer when I am back.",
    ),
    "de": Texts(
        failed="Unzustellbar: ",
        delayed="Zustellung verzögert: ",
        delivered="Zugestellt: ",
        relayed="Weitergeleitet: ",
        automatic="Automatische Antwort: ",
        failed_text="Ihre Nachricht an {to} konnte nicht zugestellt werden.",
        delayed_text="Die Zustellung an {to} verzögert sich. Sie müssen die Nachricht nicht "
        "erneut senden.",
        delivered_text="Ihre Nachricht wurde an {to} zugestellt.",
        relayed_text="Die Zustellung an {to} ist abgeschlossen; der Zielserver hat keine "
        "Benachrichtigung gesendet.",
        automatic_text="Ich bin nicht im Büro und antworte nach meiner Rückkehr.",
    ),
    "fr": Texts(
        failed="Non remis : ",
        delayed="Remise différée : ",
        delivered="Remis : ",
        relayed="Relayé : ",
        automatic="Réponse automatique : ",
        failed_text="Votre message à {to} n'a pas pu être remis.",
        delayed_text="La remise à {to} est retardée. Il n'est pas nécessaire de renvoyer le "
        "message.",
        delivered_text="Votre message a été remis à {to}.",
        relayed_text="La remise à {to} est terminée, mais le serveur de destination n'a pas "
        "envoyé de notification.",
        automatic_text="Je suis absent du bureau et répondrai à mon retour.",
    ),
    "es": Texts(
        failed="No se puede entregar: ",
        delayed="Entrega retrasada: ",
        delivered="Entregado: ",
        relayed="Retransmitido: ",
        automatic="Respuesta automática: ",
        failed_text="No se pudo entregar el mensaje a {to}.",
        delayed_text="La entrega a {to} se ha retrasado. No es necesario volver a enviar el "
        "mensaje.",
        delivered_text="El mensaje se entregó a {to}.",
        relayed_text="La entrega a {to} se completó, pero el servidor de destino no envió "
        "ninguna notificación.",
        automatic_text="Estoy fuera de la oficina y responderé a mi regreso.",
    ),
    "nl": Texts(
        failed="Onbestelbaar: ",
        delayed="Bezorging vertraagd: ",
        delivered="Bezorgd: ",
        relayed="Doorgestuurd: ",
        automatic="Automatisch antwoord: ",
        failed_text="Uw bericht aan {to} kan niet worden bezorgd.",
        delayed_text="De bezorging aan {to} is vertraagd. U hoeft het bericht niet opnieuw te "
        "verzenden.",
        delivered_text="Uw bericht is bezorgd aan {to}.",
        relayed_text="De bezorging aan {to} is voltooid, maar de doelserver heeft geen melding "
        "verzonden.",
        automatic_text="Ik ben niet op kantoor en antwoord als ik terug ben.",
    ),
    "it": Texts(
        failed="Non recapitabile: ",
        delayed="Recapito ritardato: ",
        delivered="Recapitato: ",
        relayed="Inoltrato: ",
        automatic="Risposta automatica: ",
        failed_text="Impossibile recapitare il messaggio a {to}.",
        delayed_text="Il recapito a {to} è in ritardo. Non è necessario inviare di nuovo il "
        "messaggio.",
        delivered_text="Il messaggio è stato recapitato a {to}.",
        relayed_text="Il recapito a {to} è completato, ma il server di destinazione non ha "
        "inviato alcuna notifica.",
        automatic_text="Sono fuori ufficio e risponderò al mio ritorno.",
    ),
    "pt": Texts(
        failed="Não é possível entregar: ",
        delayed="Entrega atrasada: ",
        delivered="Entregue: ",
        relayed="Retransmitido: ",
        automatic="Resposta automática: ",
        failed_text="Não foi possível entregar a mensagem a {to}.",
        delayed_text="A entrega a {to} está atrasada. Não é necessário enviar a mensagem "
        "novamente.",
        delivered_text="A mensagem foi entregue a {to}.",
        relayed_text="A entrega a {to} foi concluída, mas o servidor de destino não enviou "
        "nenhuma notificação.",
        automatic_text="Estou fora do escritório e responderei quando voltar.",
    ),
    "ja": Texts(
        failed="配信不能: ",
        delayed="配信遅延: ",
        delivered="配信済み: ",
        relayed="中継済み: ",
        automatic="自動応答: ",
        failed_text="{to} へのメッセージを配信できませんでした。",
        delayed_text="{to} への配信が遅れています。メッセージを再送信する必要はありません。",
        delivered_text="{to} にメッセージが配信されました。",
        relayed_text="{to} への配信は完了しましたが、配信先から通知は送信されませんでした。",
        automatic_text="ただいま外出しております。戻り次第お返事いたします。",
    ),
}
