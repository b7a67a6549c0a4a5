import flash.Lib;
import flash.display.Sprite;
import flash.text.TextField;
import flash.text.TextFieldAutoSize;
import flash.text.TextFormat;
import flash.utils.ByteArray;

/** A box with a heading, a line on how things stand, and what was read. */
class Panel extends Sprite {
    static inline final WIDTH = 720;
    static inline final MARGIN = 16;
    static inline final BOX = 0x1F2630;
    static inline final BRIGHT = 0xF2F5F9;
    static inline final TEXT = 0xC3CCD8;
    static inline final GOOD = 0x7FD18C;
    static inline final BAD = 0xFF8A7A;

    final status:TextField;
    final text:TextField;
    final dump:Dump;

    public function new(name:String, top:Float, height:Float) {
        super();
        this.name = name;
        x = MARGIN;
        y = top;
        graphics.beginFill(BOX);
        graphics.drawRoundRect(0, 0, WIDTH - 2 * MARGIN, height, 10, 10);
        graphics.endFill();
        addChild(line(name, "_sans", 15, BRIGHT, 12, 8));
        status = line("", "_sans", 13, GOOD, 120, 10);
        addChild(status);
        addChild(text = column(12));
        addChild(dump = new Dump(column, GOOD));
        dump.x = 12;
        Lib.current.addChild(this);
    }

    public static function title(text:String) {
        Lib.current.addChild(line(text, "_sans", 20, BRIGHT, MARGIN, 14));
    }

    public function showText(read:String) {
        text.text = read;
    }

    public function showBytes(read:ByteArray) {
        dump.show(read);
    }

    public function good(text:String) {
        say(text, GOOD);
    }

    public function bad(text:String) {
        say(text, BAD);
    }

    function say(text:String, colour:Int) {
        status.textColor = colour;
        status.text = text;
    }

    static function column(x:Float):TextField {
        final field = line("", "_sans", 11, TEXT, x, 36);
        field.multiline = true;
        return field;
    }

    static function line(text:String, font:String, size:Int, colour:Int, x:Float, y:Float):TextField {
        final field = new TextField();
        field.defaultTextFormat = new TextFormat(font, size, colour);
        field.autoSize = TextFieldAutoSize.LEFT;
        field.selectable = false;
        field.x = x;
        field.y = y;
        field.text = text;
        return field;
    }
}
