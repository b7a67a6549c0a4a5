import flash.Lib;
import flash.display.Shape;
import flash.events.Event;
import flash.text.TextField;
import flash.text.TextFieldAutoSize;
import flash.text.TextFormat;

/** What the movie looks like: a line on how things stand, and the list, the newest line first and brightest. As wide as the page lets it be. */
class LineList {
    static inline final GAP = 12;

    final back = new Shape();
    final status:TextField;
    final fields:Array<TextField> = [];
    final paper:Int;
    final ink:Int;
    final soft:Int;
    final rule:Int;

    public function new(variables:Dynamic) {
        paper = colour(variables.paper, 0xFFFFFF);
        ink = colour(variables.ink, 0x1F1D1A);
        soft = colour(variables.soft, 0x6A645C);
        rule = colour(variables.rule, 0xE7E1D8);
        Lib.current.addChild(back);
        status = field(13);
        Lib.current.stage.addEventListener(Event.RESIZE, (_) -> arrange());
        arrange();
    }

    public function say(text:String) {
        status.text = text;
        arrange();
    }

    public function show(lines:Array<String>) {
        while (fields.length < lines.length) fields.push(field(17));
        for (i in 0...lines.length) {
            fields[i].textColor = i == 0 ? ink : soft;
            fields[i].text = lines[lines.length - 1 - i];
        }
        arrange();
    }

    /** One below the other, with a thin line between. */
    function arrange() {
        final stage = Lib.current.stage;
        final graphics = back.graphics;
        graphics.clear();
        graphics.beginFill(paper);
        graphics.drawRect(0, 0, stage.stageWidth, stage.stageHeight);
        graphics.endFill();
        graphics.beginFill(rule);
        var y = 0.0;
        for (field in [status].concat(fields)) {
            field.width = stage.stageWidth;
            field.y = y;
            y += field.height + GAP;
            graphics.drawRect(0, y - 1, stage.stageWidth, 1);
            y += GAP;
        }
        graphics.endFill();
    }

    function field(size:Int):TextField {
        final field = new TextField();
        field.defaultTextFormat = new TextFormat("_sans", size, soft);
        field.multiline = field.wordWrap = true;
        field.autoSize = TextFieldAutoSize.LEFT;
        field.selectable = false;
        Lib.current.addChild(field);
        return field;
    }

    static function colour(text:String, otherwise:Int):Int {
        final value = text == null ? null : Std.parseInt('0x$text');
        return value == null ? otherwise : value;
    }
}
