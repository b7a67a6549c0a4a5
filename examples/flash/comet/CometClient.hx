import example.ClientState;
import example.Updater;
import flash.Lib;
import flash.display.StageAlign;
import flash.display.StageScaleMode;
import flash.errors.Error;

/**
 * The streaming tutorial's client: each object that comes is a command, which adds a line to the list.
 *
 * Variables of the movie: `host` and `port` of the server, `path` of the stream, `flush` (`yes`: the request is flushed, as no client of
 * 2008 did it), and the page's colours `paper`, `ink`, `soft`, `rule`, as RRGGBB.
 *
 * What happens is also told to the page, by `fscommand(event, text)`: `connect`; `head`, the head of the response; `line`, with the line as it
 * is shown; `close`; `error`, what went wrong. (`ExternalInterface` would do, but for that Ruffle needs a page that lets texts be run.)
 */
class CometClient {
    final state = new ClientState();
    final list:LineList;

    static function main() {
        final stage = Lib.current.stage;
        stage.scaleMode = StageScaleMode.NO_SCALE;
        stage.align = StageAlign.TOP_LEFT;
        new CometClient(Lib.current.loaderInfo.parameters);
    }

    function new(variables:Dynamic) {
        list = new LineList(variables);
        final host:String = variables.host;
        final port = Std.parseInt(variables.port);
        if (host == null || port == null) {
            list.say("Which host and port? The movie's variables do not say.");
            return;
        }
        list.say('connecting to $host:$port');
        final service = new HessianStreamingService(host, port, variables.path, variables.flush == "yes");
        service.onEvent = (event, text) -> {
            switch event {
                case "connect": list.say('connected to $host:$port');
                case "close": list.say("the connection has ended");
                case "error": list.say(text);
            }
            tell(event, text);
        };
        service.onResult = result;
        service.connect();
    }

    /** Of the tutorial's responder. */
    function result(object:Dynamic) {
        final updater = Std.downcast(object, Updater);
        if (updater == null) throw new Error("an object came that is no Updater");
        updater.update(state);
        list.show(state.lines);
        tell("line", state.lines[state.lines.length - 1]);
    }

    static function tell(event:String, text:String) {
        Lib.fscommand(event, text);
    }
}
