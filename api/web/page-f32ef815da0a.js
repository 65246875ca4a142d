var w,rn,Wr,X,lt,De,on,Fe,sn,dt,ct,an,$e=Symbol.for("pv"),Ve={},Be=[],Gr=/^m(i|n|o|s|text|space)$/,mt=Array.isArray,pt=Be.slice,te=Object.assign;function ee(e){e&&e.parentNode&&e.remove()}function ln(e,t,n){var r,o,i,s={},a=arguments.length;for(i in t)i=="key"?r=t[i]:i=="ref"&&typeof e!="function"?o=t[i]:s[i]=t[i];return a>2&&(s.children=a>3?pt.call(arguments,2):n),_e(e,s,r,o,null)}function _e(e,t,n,r,o){var i={type:e,props:t,key:n,ref:r,__k:null,__:null,__b:0,__e:null,__c:null,constructor:$e,__v:o||++rn,__i:-1,__u:0};return!o&&w.vnode&&w.vnode(i),i}function He(e){return e.children}function Ie(e,t){this.props=e,this.context=t,this.__g=0}function z(e,t){if(t==null)return e.__&&z(e.__,e.__i+1);for(var n;t<e.__k.length;t++)if((n=e.__k[t])&&n.__e)return n.__e;return typeof e.type!="function"||e.props.__P?null:z(e)}function Jr(e){var t,n=e.__v,r=n.__e,o=[],i=[],s=e.__P;s&&((t=te({constructor:$e},n)).__v=n.__v+1,w.vnode&&w.vnode(t),ft(s,t,n,e.__n,s.namespaceURI,32&n.__u?[r]:null,o,r||z(n),32&n.__u,i),t.__v=n.__v,t.__.__k[t.__i]=t,fn(o,t,i),n.__=n.__e=null,t.__e!=r&&cn(t))}function cn(e){if((e=e.__)&&e.__c&&!e.props.__P)return e.__e=null,e.__k.some(function(t){return t&&(e.__e=t.__e)}),cn(e)}function ut(e){(8&e.__g||(e.__g|=8,X.push(e),De++))&&lt==w.debounceRendering||((lt=w.debounceRendering)||queueMicrotask)(un)}function un(){try{for(var e,t=1;X.length;)X.length>t&&X.sort(on),e=X.shift(),t=X.length,8&e.__g&&Jr(e)}finally{(De=X.length)&&(lt||queueMicrotask)(un)}}function dn(e,t,n,r,o,i,s,a,c,d,u){var p,f,m,y,v,b,k=r.__k||Be,$=t.length;for(c=Kr(n,t,k,c,$),p=0;p<$;p++)(m=n.__k[p])!=null&&(f=~m.__i&&k[m.__i]||Ve,m.__i=p,b=ft(e,m,f,o,i,s,a,c,d,u),y=m.__e,(f.ref!=m.ref||8&f.__u)&&(f.ref&&ht(f.ref,null,m,f),m.ref&&u.push(m.ref,m.__c||y,m)),v=v||y,4&m.__u?(c=mn(m,c,e,!f.__v),f.__e&&(f.__e=null)):typeof m.type=="function"&&b!==void 0?c=b:y&&(c=y.nextSibling),m.__u&=-21);return n.__e=v,c}function Kr(e,t,n,r,o){var i,s,a,c,d,u,p,f,m,y=n.length,v=y,b=0,k=0,$=e.__k=Array(o);for(i=0;i<o;i++)(s=t[i])!=null&&typeof s!="boolean"&&typeof s!="function"?(typeof s!="object"||s.constructor===String?s=$[i]=_e(null,s):mt(s)?s=$[i]=_e(He,{children:s}):s.constructor===$e&&s.__b?s=$[i]=_e(s.type,s.props,s.key,s.ref,s.__v):$[i]=s,c=i+b,s.__=e,s.__b=e.__b+1,a=null,~(d=s.__i=Xr(s,n,c,v))&&(v--,(a=n[d])&&(a.__u|=2)),a&&a.__v?(s.__u|=16,d==c-1?b--:d==c+1?b++:d!=c&&(d>c?b--:b++,k=1)):(~d||(o>y?b--:o<y&&b++),typeof s.type!="function"&&(s.__u|=4))):$[i]=null;if(k){for(u=[],p=[],i=0;i<o;i++)if((s=$[i])&&16&s.__u){for(b=0,f=u.length;b<f;)u[m=b+f>>1]<s.__i?b=m+1:f=m;u[b]=s.__i,p[i]=b+1}for(b=u.length;i--;)p[i]&&(p[i]==b?b--:$[i].__u|=4)}if(v)for(i=0;i<y;i++)!(a=n[i])||2&a.__u||(a.__e==r&&(r=z(a)),gt(a,a));return r}function mn(e,t,n,r){var o,i,s,a;if(typeof e.type=="function"){if(e.props.__P)return t;if(o=e.__k)for(i=0;i<o.length;i++)o[i]&&(o[i].__=e,t=mn(o[i],t,n,!1));return t}for(t&&!t.parentNode&&(t=z(e))&&!t.parentNode&&(t=null),s=e.__e,a=t;a&&a.nodeType==8;)a=a.nextSibling;for(s!=a&&(!r&&n.moveBefore&&s.parentNode?n.moveBefore(s,t):n.insertBefore(s,t||null)),t=s;(t=t&&t.nextSibling)&&t.nodeType==8&&!t.data.startsWith("$s"););return t}function Xr(e,t,n,r){var o,i=e.key,s=e.type,a=t[n],c=a&&!(2&a.__u);if(a===null&&i==null||c&&i==a.key&&s==a.type)return n;if(r>(c?1:0)){for(o=n-1;o>=0;o--)if((a=t[o])&&!(2&a.__u)&&i==a.key&&s==a.type)return o;for(o=n+1;o<t.length;o++)if((a=t[o])&&!(2&a.__u)&&i==a.key&&s==a.type)return o}return-1}function nn(e,t,n){n==null&&(n=""),t[0]=="-"?e.setProperty(t,n):e[t]=n}function Le(e,t,n,r,o){var i,s;if(t=="style")if(typeof n=="string")e.style.cssText=n;else{if(typeof r=="string"&&(e.style.cssText=r=""),r)for(t in r)n&&t in n||nn(e.style,t);if(n)for(t in n)r&&n[t]==r[t]||nn(e.style,t,n[t])}else if(t[0]=="o"&&t[1]=="n")typeof n!="function"&&(n=null),typeof r!="function"&&(r=null),(e.__e||(e.__e={}))[t]=n,n&&r||(s=ct[t]||(ct[t]=zr(t)),(e.__a||(e.__a={}))[t]=dt,i=t!=(t=t.replace(sn,"$1")),(t=t.slice(2))[0]<"a"&&(t=t.toLowerCase()),n?e.addEventListener(t,s,i):e.removeEventListener(t,s,i));else{if(o=="http://www.w3.org/2000/svg")t=t.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(t!="width"&&t!="height"&&t!="href"&&t!="list"&&t!="form"&&t!="tabIndex"&&t!="download"&&t!="rowSpan"&&t!="colSpan"&&t!="role"&&t!="popover"&&t in e)try{return void(e[t]=n??"")}catch{}if(typeof n=="function")return;n==null||n===!1&&t[4]!="-"?e.removeAttribute(t):e.setAttribute(t,t=="popover"&&n==1?"":n)}}function zr(e){return function(t){var n=this.__e;if(n){if(n=n[e],t[Fe]==null)t[Fe]=dt++;else if(t[Fe]<this.__a[e])return;return n(w.event?w.event(t):t)}}}function ft(e,t,n,r,o,i,s,a,c,d){var u,p,f,m,y,v,b,k,$,L,T,at,en,Re,Y,tn,K,Z,q=t.type;if(t.constructor!==$e)return null;128&n.__u&&(c=32&n.__u,u=n.__c.__z)&&(t.__u|=c,p=i=[],u.nodeType==8?a=Oe(u,i):i.push(u),a=i[0]||a),(u=w.__b)&&u(t);e:if(typeof q=="function"){f=s.length;try{if(k=t.props,$=(u=q.prototype)&&u.render,L=(u=q.contextType)&&r[u.__c],T=u?L?L.props.value:u.__:r,(m=n.__c)?(t.__c=m,2&m.__g&&(m.__g|=1)):($?t.__c=m=new q(k,T):(t.__c=m=new Ie(k,T),m.constructor=q,m.render=Yr),L&&L.sub(m),m.state||(m.state={}),m.__n=r,m.__g|=8,m.__h=[],m.__k=[]),$&&(m.__s||(m.__s=m.state),q.getDerivedStateFromProps&&(m.__s==m.state&&(m.__s=te({},m.__s)),te(m.__s,q.getDerivedStateFromProps(k,m.__s)))),y=m.props,v=m.state,m.__v=t,n.__c){if(k!==y&&$&&!q.getDerivedStateFromProps&&m.componentWillReceiveProps&&m.componentWillReceiveProps(k,T),t.__v==n.__v&&!(8&m.__g)||!(4&m.__g)&&m.shouldComponentUpdate&&m.shouldComponentUpdate(k,m.__s,T)===!1){t.__v!=n.__v&&(m.props=k,m.state=m.__s,m.__g&=-9),t.__e=n.__e,t.__k=n.__k,t.__k.some(function(V){V&&(V.__=t)}),Be.push.apply(m.__h,m.__k),m.__k=[],m.__h.length&&s.push(m),a=z(n);break e}m.componentWillUpdate&&m.componentWillUpdate(k,m.__s,T),$&&m.componentDidUpdate&&m.__h.push(function(){m.componentDidUpdate(y,v,b)})}else $&&!q.getDerivedStateFromProps&&m.componentWillMount&&m.componentWillMount(),$&&m.componentDidMount&&m.__h.push(m.componentDidMount);m.context=T,m.props=k,m.__P=e,m.__g&=-5,at=w.__r,en=$?25:0;do m.__g&=-9,at&&at(t),u=m.render(m.props,m.state=m.__s,m.context);while(8&m.__g&&++en<25);$&&(Be.push.apply(m.__h,m.__k),m.__k=[]),m.state=m.__s,m.getChildContext&&(r=te({},r,m.getChildContext())),$&&n.__c&&m.getSnapshotBeforeUpdate&&(b=m.getSnapshotBeforeUpdate(y,v)),Re=u&&u.type===He&&u.key==null?u.props.children:u,k.__P&&(u=a,o=(e=k.__P).namespaceURI,c=i=null,n.props&&n.props.__P!=e&&(n.__k.some(function(V){V&&gt(V,V)}),n.__k=null),a=n.__k?z(n,0):null),a=dn(e,mt(Re)?Re:[Re],t,n,r,o,i,s,a,c,d),k.__P&&(t.__e=null,a=u),t.__u&=-161,p&&p.some(ee),m.__h.length&&s.push(m),1&m.__g&&(m.__g&=-4)}catch(V){if(s.length=f,t.__v=null,c||i)if(V&&V.then){if(t.__u|=128|c,i){for(~(K=i.indexOf(a||void 0))||(K=i.length);(Z=i[K-1])&&Z.nodeType==8;)K--;for(;K<i.length;K++)if(Z=i[K])if(i[K]=null,Y){if(Z==tn)break}else{if(Z.nodeType!=8)break;Z.data.startsWith("$s")&&(tn=Oe(Y=Z))}}if(!Y){for(;a&&a.nodeType==8&&a.nextSibling;)a=a.nextSibling;Y=a}(u=Oe(Y=t.__c.__z||(t.__c.__z=Y)))?(t.__e=Y,a=u):t.__e=a,a=a&&a.nextSibling}else i&&i.some(ee);else t.__e=n.__e;t.__k||(t.__k=n.__k||[]),V&&V.then||pn(t),w.__e(V,t,n)}}else a=t.__e=Qr(n.__e,t,n,r,o,i,s,c,d,e);return(u=w.diffed)&&u(t),a}function Oe(e,t){if(e&&e.nodeType==8&&e.data.startsWith("$s"))for(var n=1;e=e.nextSibling;){if(e.nodeType==8){if(e.data.startsWith("$s"))n++;else if(e.data.startsWith("/$s")&&!--n)return e}t&&t.push(e)}}function pn(e){e&&(e.__c&&(e.__c.__g|=4),e.__k&&e.__k.some(pn))}function fn(e,t,n){for(var r=0;r<n.length;)ht(n[r++],n[r++],n[r++]);w.__c&&w.__c(t,e),e.some(function(o){try{e=o.__h,o.__h=[],e.some(function(i){i.call(o)})}catch(i){w.__e(i,o.__v)}})}function Qr(e,t,n,r,o,i,s,a,c,d){var u,p,f,m,y,v,b,k,$=n.props||Ve,L=t.props,T=t.type;if(T=="svg"?o="http://www.w3.org/2000/svg":T=="math"?o="http://www.w3.org/1998/Math/MathML":o||(o="http://www.w3.org/1999/xhtml"),i){for(u=0;u<i.length;u++)if((y=i[u])&&(T?y.localName==T:y.nodeType==3)){e=y,i[u]=null;break}}if(!e){if(k=d.ownerDocument||document,!T)return k.createTextNode(L);e=k.createElementNS(o,T,L.is?L:d),a&&(w.__m&&w.__m(t,i),a=!1),i=null}if(T){if(d=T=="template"&&e.content||e,i=T=="textarea"&&L.defaultValue!=null?null:i&&pt.call(d.childNodes),!a&&i)for($={},u=0;u<e.attributes.length;u++)$[(y=e.attributes[u]).name]=y.value;for(u in $)y=$[u],u=="dangerouslySetInnerHTML"?f=y:u=="children"||u in L||u=="value"&&"defaultValue"in L||u=="checked"&&"defaultChecked"in L||Le(e,u,null,y,o);for(u in L)y=L[u],u=="children"?m=y:u=="dangerouslySetInnerHTML"?p=y:u=="value"?v=y:u=="checked"?b=y:a&&typeof y!="function"||$[u]===y||Le(e,u,y,$[u],o);p?(a||f&&(p.__html==f.__html||p.__html==e.innerHTML)||(e.innerHTML=p.__html),t.__k=[]):(f&&(e.textContent=""),(T=="foreignObject"||o=="http://www.w3.org/1998/Math/MathML"&&Gr.test(T))&&(o="http://www.w3.org/1999/xhtml"),dn(d,mt(m)?m:[m],t,n,r,o,i,s,i?i[0]:n.__k&&z(n,0),a,c),i&&i.some(ee)),a&&T!="textarea"||(u="value",T=="progress"&&v==null?e.removeAttribute(u):v==null||v===e[u]&&(T!="progress"||v)||Le(e,u,v,$[u],o),u="checked",b!=null&&b!=e[u]&&Le(e,u,b,$[u],o))}else $===L||a&&e.data==L||(e.data=L);return e}function ht(e,t,n,r){try{typeof e=="function"?t?t.__x=e(t)||1:r&&(r=r.__c||r.__e)&&(t=r.__x)&&(r.__x=null,typeof t=="function"?t():e(null)):e.current=t}catch(o){w.__e(o,n)}}function gt(e,t,n){var r,o,i,s;if(w.unmount&&w.unmount(e),!(r=e.ref)||r.current&&r.current!=e.__e||ht(r,null,t,e),r=e.__c){if(r.componentWillUnmount)try{r.componentWillUnmount()}catch(a){w.__e(a,t)}r.__P=r.__n=null}if(r=e.__k)for(s=0;s<r.length;s++)r[s]&&gt(r[s],t,typeof e.type!="function"||n&&!e.props.__P);!n&&(r=e.__c)&&(r=r.__z)&&(o=Oe(r,i=[]))&&(r==e.__e&&i.some(ee),ee(o),ee(r)),n||ee(e.__e),e.__e=e.__c=e.__=null}function Yr(e,t,n){return this.constructor(e,n)}function hn(e,t){var n,r,o,i;w.__&&w.__(e,t),t.nodeType==9&&(t=t.documentElement),r=(n=e&&32&e.__u)?null:t.__k,t.__k=_e(He,{children:[e]}),o=[],i=[],ft(t,t.__k,r||Ve,Ve,t.namespaceURI,r?null:t.firstChild?pt.call(t.childNodes):null,o,r?r.__e:t.firstChild,n,i),fn(o,t.__k,i),t.__k.props.children=null}function gn(e){function t(n){var r,o;return this.getChildContext||(r=new Set,(o={})[t.__c]=this,this.getChildContext=function(){return o},this.shouldComponentUpdate=function(i){this.props.value!=i.value&&r.forEach(function(s){s.__g|=4,ut(s)})},this.sub=function(i){r.add(i);var s=i.componentWillUnmount;i.componentWillUnmount=function(){r.delete(i),s&&s.call(i)}}),n.children}return t.__c="__cC"+an++,t.__=e,t.Provider=(t.Consumer=function(n,r){return n.children(r)}).contextType=t,t}w={__e:function(e,t,n,r){for(var o,i,s;t=t.__;)if((o=t.__c)&&!(1&o.__g)){o.__g|=4;try{if((s=(i=o.constructor)&&i.getDerivedStateFromError)&&o.setState(i.getDerivedStateFromError(e)),o.componentDidCatch&&(o.componentDidCatch(e,r||{}),s=1),s&&8&o.__g)return void(o.__g|=2)}catch(a){e=a}}throw De=0,e}},rn=0,Wr=function(e){return e!=null&&e.constructor===$e},Ie.prototype.setState=function(e,t){var n=this.__s;n&&n!=this.state||(n=this.__s=te({},this.state)),typeof e=="function"&&(e=e(te({},n),this.props)),e&&(te(n,e),this.__v&&(t&&this.__k.push(t),ut(this)))},Ie.prototype.forceUpdate=function(e){this.__v&&(this.__g|=4,e&&this.__h.push(e),ut(this))},Ie.prototype.render=He,X=[],De=0,on=function(e,t){return e.__v.__b-t.__v.__b},Fe=Symbol(),sn=/(PointerCapture)$|Capture$/i,dt=0,ct={},an=0;var bn=function(e,t,n,r){var o;t[0]=0;for(var i=1;i<t.length;i++){var s=t[i++],a=t[i]?(t[0]|=s?1:2,n[t[i++]]):t[++i];s===3?r[0]=a:s===4?r[1]=Object.assign(r[1]||{},a):s===5?(r[1]=r[1]||{})[t[++i]]=a:s===6?r[1][t[++i]]+=a+"":s?(o=e.apply(a,bn(e,a,n,["",null])),r.push(o),a[0]?t[0]|=2:(t[i-2]=0,t[i]=o)):r.push(a)}return r},yn=new Map;function _n(e){var t=yn.get(this);return t||(t=new Map,yn.set(this,t)),(t=bn(this,t.get(e)||(t.set(e,t=(function(n){for(var r,o,i=1,s="",a="",c=[0],d=function(f){i===1&&(f||(s=s.replace(/^\s*\n\s*|\s*\n\s*$/g,"")))?c.push(0,f,s):i===3&&(f||s)?(c.push(3,f,s),i=2):i===2&&s==="..."&&f?c.push(4,f,0):i===2&&s&&!f?c.push(5,0,!0,s):i>=5&&((s||!f&&i===5)&&(c.push(i,0,s,o),i=6),f&&(c.push(i,f,0,o),i=6)),s=""},u=0;u<n.length;u++){u&&(i===1&&d(),d(u));for(var p=0;p<n[u].length;p++)r=n[u][p],i===1?r==="<"?(d(),c=[c],i=3):s+=r:i===4?s==="--"&&r===">"?(i=1,s=""):s=r+s[0]:a?r===a?a="":s+=r:r==='"'||r==="'"?a=r:r===">"?(d(),i=1):i&&(r==="="?(i=5,o=s,s=""):r==="/"&&(i<5||n[u][p+1]===">")?(d(),i===3&&(c=c[0]),i=c,(c=c[0]).push(2,0,i),i=0):r===" "||r==="	"||r===`
`||r==="\r"?(d(),i=2):s+=r),i===3&&s==="!--"&&(i=4,c=c[0])}return d(),c})(e)),t),arguments,[])).length>1?t:t[0]}var l=_n.bind(ln);var ne,A,yt,$n,bt=Object.is,je=0,En=[],_t=[],C=w,vn=C.__b,wn=C.__r,xn=C.diffed,Sn=C.__c,kn=C.unmount,Pn=C.__;function we(e,t){C.__h&&C.__h(A,e,je||t),je=0;var n=A.__H||(A.__H={__:[],__h:[]});return e>=n.__.length&&n.__.push({}),n.__[e]}function h(e){return je=1,Zr(Mn,e)}function Zr(e,t,n){var r=we(ne++,2);if(r.t=e,!r.__c&&(r.__=[n?n(t):Mn(void 0,t),function(i){var s=(r.__N||r.__)[0],a=r.t(s,i);bt(s,a)||(r.__N=[a,r.__[1]],r.__c.setState({}))}],r.__c=A,!A.__f)){A.__f=!0;var o=A.shouldComponentUpdate;A.shouldComponentUpdate=function(i,s,a){var c=this.__H;if(!c)return!0;var d=!1,u=this.props!=i;if(c.__.some(function(f){f.__N&&(d=!0,bt(f.__[0],f.__N[0])||(u=!0))}),o){var p=o.call(this,i,s,a);return d?p||u:p}return!d||u}}return r.__}function g(e,t){var n=we(ne++,3);!C.__s&&vt(n.__H,t)&&(n.__P=!0,n.__=e,n.u=t,A.__H.__h.push(n))}function U(e,t){var n=we(ne++,4);!C.__s&&vt(n.__H,t)&&(n.__P=!1,n.__=e,n.u=t,A.__h.push(n))}function P(e){return je=5,eo(function(){return{current:e}},[])}function eo(e,t){var n=we(ne++,7);return vt(n.__H,t)&&(n.__=e(),n.__H=t),n.__}function Cn(e){var t=A.context[e.__c],n=we(ne++,9);return n.c=e,t?(n.__==null&&(n.__=!0,t.sub(A)),t.props.value):e.__}function to(){var e;do{for(;e=_t.shift();)try{ve(e)}catch(n){C.__e(n,{__:(e=e.__P)&&e.__v})}for(;e=En.shift();){var t=e.__H;if(e.__P&&t)try{t.__h.some(ve),t.__h.some($t),t.__h=[]}catch(n){t.__h=[],C.__e(n,e.__v)}}}while(_t.length)}C.__b=function(e){A=null,vn&&vn(e)},C.__=function(e,t){e&&t.__k&&t.__k.__m&&(e.__m=t.__k.__m),Pn&&Pn(e,t)},C.__r=function(e){wn&&wn(e),ne=0;var t=(A=e.__c).__H;t&&(yt==A?A.__h=[]:(t.__h.some(ve),t.__h.some($t),ne=0),t.__h=[],t.__.some(function(n){n.__N&&(n.__=n.__N),n.u=n.__N=void 0})),yt=A},C.diffed=function(e){xn&&xn(e);var t=e.__c;t&&t.__H&&(t.__H.__h.length&&An(En.push(t)),t.__H.__.some(function(n){n.u&&(n.__H=n.u)})),yt=A=null},C.__c=function(e,t){t.some(function(n){try{n.__h.some(ve),n.__h=n.__h.filter(function(r){return!r.__||$t(r)})}catch(r){n.__h=[function(){throw r}]}}),Sn&&Sn(e,t)},C.unmount=function(e){kn&&kn(e);var t,n,r=e.__c;r&&r.__H&&(r.__H.__.some(function(o){try{if(o.__P&&o.__c){if(n===void 0){for(n=e.__;n&&(!n.__c||!n.__c.__P);)n=n.__;n=n&&n.__c}o.__P=n,An(_t.push(o))}else ve(o)}catch(i){t=i}}),r.__H=void 0,t&&C.__e(t,r.__v))};var Tn=typeof requestAnimationFrame=="function";function no(e){var t,n=function(){clearTimeout(r),Tn&&cancelAnimationFrame(t),setTimeout(e)},r=setTimeout(n,35);Tn&&(t=requestAnimationFrame(n))}function An(e){e!=1&&$n==C.requestAnimationFrame||(($n=C.requestAnimationFrame)||no)(to)}function ve(e){var t=A,n=e.__c;typeof n=="function"&&(e.__c=void 0,n()),A=t}function $t(e){var t=A;e.__c=e.__(),A=t}function vt(e,t){return!e||e.length!=t.length||t.some(function(n,r){return!bt(n,e[r])})}function Mn(e,t){return typeof t=="function"?t(e):t}var N=class extends Error{constructor(n,r,o=null,i=null,s=[]){super(r);this.code=n;this.detail=r;this.retryAfterS=o;this.requestId=i;this.parameters=s}code;detail;retryAfterS;requestId;parameters};function xe(e,t){let n=new URL(t.path,e.base);for(let[r,o]of t.query??[])n.searchParams.append(r,o);return n}function wt(e,t){let n=e.key();return{...n===null?{}:{"X-API-Key":n},...t.contentType===void 0?{}:{"Content-Type":t.contentType}}}async function le(e,t){let n=t.onUpload?await oo(e,t):await ro(e,t);if(n.status>=400)throw so(n);return n}async function F(e,t){return Se((await le(e,{...t,method:"GET"})).body)}function Se(e){let t=Rn(e);if(typeof t!="object"||t===null)throw new N("no_gateway","the answer is not a JSON document");return t}function Rn(e){try{return JSON.parse(e)}catch{return null}}async function Ln(e,t,n){let r=xe(e,{path:t});try{return await fetch(r,{headers:wt(e,{}),...n?{signal:n}:{}})}catch(o){throw xt(o,n)}}async function ro(e,t){let{signal:n}=t;try{let r=await fetch(xe(e,t),{method:t.method,headers:wt(e,t),...t.body===void 0?{}:{body:t.body},...n?{signal:n}:{}});return{status:r.status,header:o=>r.headers.get(o),body:await r.text()}}catch(r){throw xt(r,n)}}function oo(e,t){let{promise:n,resolve:r,reject:o}=io();if(t.signal?.aborted)return Promise.reject(Nn());let i=new XMLHttpRequest,s=()=>i.abort();i.open(t.method,xe(e,t));for(let[a,c]of Object.entries(wt(e,t)))i.setRequestHeader(a,c);return i.upload.onprogress=a=>t.onUpload?.(a.lengthComputable?a.loaded/a.total:0),i.upload.onload=()=>t.onUpload?.(1),i.onload=()=>r({status:i.status,header:a=>i.getResponseHeader(a),body:i.responseText}),i.onerror=()=>o(xt(new TypeError("network error"),t.signal)),i.onabort=()=>o(Nn()),t.signal?.addEventListener("abort",s),i.send(t.body??null),n.finally(()=>t.signal?.removeEventListener("abort",s))}function Nn(){return new DOMException("aborted","AbortError")}function io(){let e,t;return{promise:new Promise((r,o)=>{e=r,t=o}),resolve:e,reject:t}}function xt(e,t){return t?.aborted||!(e instanceof TypeError)?e:new N("offline",e.message)}function so(e){let t=lo(e.body);return new N(t?.code??"no_gateway",t?.detail??`HTTP status ${e.status}`,ao(e.header("Retry-After")),t?.request_id??e.header("X-Request-Id"),t?.errors?.map(n=>n.parameter)??[])}function ao(e){if(!e)return null;let t=/^\s*\d+(\.\d+)?\s*$/.test(e)?Number(e):(Date.parse(e)-Date.now())/1e3;return Number.isFinite(t)?Math.max(0,t):null}function lo(e){let t=Rn(e);return typeof t?.code=="string"?t:null}function ce(e){return e instanceof DOMException&&e.name==="AbortError"}var Fn="cover-search.key",x={base:new URL("../",document.baseURI),key:re},St=null;function re(){try{return St??sessionStorage.getItem(Fn)}catch{return St}}function kt(e){St=e;try{sessionStorage.setItem(Fn,e)}catch{}}function Pt(e){return e.replace(/[^\x21-\x7e]/g,"")}function Tt(){let[,e]=/^#key=(.+)$/.exec(location.hash)??[];return e===void 0?!1:(history.replaceState(history.state,"",location.pathname+location.search),kt(Pt(e)),!0)}var Dn=1e3,In=1e4,qe=Dn,On=-1/0;function Vn(e,t){let n=P(t);n.current=t,g(()=>e===null?void 0:co(()=>n.current()),[e])}function co(e){let t=new AbortController,{signal:n}=t,r=new AbortController,o=0,i=()=>{t.abort(),r.abort(),clearTimeout(o),On=performance.now()},s=()=>{o=setTimeout(a,qe),qe=Math.min(2*qe,In)},a=()=>{clearTimeout(o),r.abort(),!document.hidden&&(r=new AbortController,s(),F(x,{path:"livez",signal:r.signal}).then(()=>{n.aborted||(i(),e())},()=>{}))};return performance.now()-On>2*In&&(qe=Dn),addEventListener("online",a,{signal:n}),document.addEventListener("visibilitychange",a,{signal:n}),s(),i}var uo="cover-search",At="pictures";var ke=class extends Error{},Pe=class extends Error{},Et=new Map,Bn=new Map;async function ue(e,t){let n=await e.arrayBuffer().catch(()=>null),r=new Blob(n===null?[]:[n],{type:e.type}),o={id:mo(),blob:r,name:t,addedAt:Date.now()};return n===null||(Et.set(o.id,o),await Ue("readwrite",i=>i.put(o)).catch(()=>{}),await po().catch(()=>{})),o}async function Te(e){let t=Et.get(e)??await Ue("readonly",n=>n.get(e)).catch(()=>{});if(t===void 0)throw new ke("the picture is not kept in this browser");return Et.set(e,t),t}async function We(e){let{blob:t}=await Te(e);if(!t.size)throw new Pe("the file is empty");return t}function Hn(e){let t=Bn.get(e.id)??URL.createObjectURL(e.blob);return Bn.set(e.id,t),t}function mo(){return Array.from(crypto.getRandomValues(new Uint8Array(12)),e=>e.toString(16).padStart(2,"0")).join("")}async function po(){let e=await Ue("readonly",r=>r.getAll()),t=({addedAt:r})=>r>Date.now()?1/0:Date.now()-r,n=e.sort((r,o)=>t(r)<t(o)?-1:1).slice(50);for(let r of n)await Ue("readwrite",o=>o.delete(r.id))}async function Ue(e,t){let n=await fo();try{return await jn(t(n.transaction(At,e).objectStore(At)))}finally{n.close()}}function fo(){let e=indexedDB.open(uo,1);return e.onupgradeneeded=()=>e.result.createObjectStore(At,{keyPath:"id"}),jn(e)}function jn(e){return new Promise((t,n)=>{e.onsuccess=()=>t(e.result),e.onerror=()=>n(e.error??new Error("IndexedDB failed"))})}var Ct={offline:{title:"No connection to the service",advice:"Check the network. The search continues by itself when the connection is back.",remedy:"retry"},no_gateway:{title:"The service is not reachable",advice:"Something between this page and the service answered instead of it. Try again in a moment.",remedy:"retry"},picture_missing:{title:"This browser no longer has the picture",advice:"It was chosen in another browser or long ago, or its file cannot be read. Choose the picture again.",remedy:"remove-picture"},picture_empty:{title:"The file is empty",advice:"It has no content, perhaps because it was not copied to its end. Choose another file.",remedy:"remove-picture"},picture_unreadable:{title:"The browser cannot make the picture smaller",advice:"Save the picture as a smaller JPEG or PNG with another program, and choose it again.",remedy:"remove-picture"},years_reversed:{title:"The first year is after the last",advice:"No album can be from these years. Change the first or the last year.",remedy:"shorten"},nothing_wanted:{title:"Nothing is left to search for",advice:"The parts of this search ask only for less, or cancel each other out. Change a part to “more”, or add words or a picture.",remedy:"shorten"},image_too_large:{title:"The picture is too large to upload",advice:"A smaller copy is just as good for a search. The original stays as it is.",remedy:"shrink"},image_too_many_pixels:{title:"The picture has too many pixels",advice:"A smaller copy is just as good for a search. The original stays as it is.",remedy:"shrink"},image_too_costly:{title:"The picture takes too long to decode",advice:"A plain copy of the picture decodes faster and is just as good for a search.",remedy:"shrink"},body_too_large:{title:"The pictures are too large together",advice:"Smaller copies are just as good for a search.",remedy:"shrink"},unsupported_image:{title:"This kind of file cannot be searched",advice:"Choose a picture that is saved as JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",remedy:"remove-picture"},unsupported_media_type:{title:"This kind of file cannot be searched",advice:"Choose a picture that is saved as JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",remedy:"remove-picture"},undecodable_image:{title:"The picture is damaged",advice:"The file begins like a picture, but its pixels cannot be read. Choose another copy of it.",remedy:"remove-picture"},image_expired:{title:"The upload was not used in time",advice:"The service was busy for long. Send the picture again.",remedy:"retry"},decoder_busy:{title:"The service is busy with other pictures",advice:"Try again in a moment.",remedy:"wait"},decoder_died:{title:"The picture could not be decoded",advice:"Decoding it failed several times. A plain copy may work.",remedy:"shrink"},request_timeout:{title:"The upload took too long",advice:"The connection is slow. A smaller copy of the picture uploads faster.",remedy:"shrink"},rate_limited:{title:"Too many searches in a short time",advice:"The limit protects everyone who uses this service.",remedy:"wait"},queue_full:{title:"The service is very busy",advice:"More searches are waiting than it can answer in time.",remedy:"wait"},queue_unavailable:{title:"The service cannot accept searches now",advice:"Its queue does not answer. This is usually over within a minute.",remedy:"wait"},no_worker:{title:"No worker is running",advice:"The service needs at least one worker that reads pictures and words. Whoever operates it can start one.",remedy:"retry"},deadline_exceeded:{title:"The search took too long",advice:"The service gave up before the search ended. Try again; if it happens often, the service needs more workers.",remedy:"retry"},attempts_exhausted:{title:"The search failed several times",advice:"Each attempt ended with an error. Try another picture or other words.",remedy:"retry"},model_unavailable:{title:"The model cannot be loaded",advice:"The worker has no model to read pictures and words. Whoever operates the service finds the reason in /health.",remedy:"retry"},model_mismatch:{title:"The catalog belongs to another model",advice:"The albums were read by another model than the one that runs. Whoever operates the service must re-embed the catalog.",remedy:"retry"},catalog_unavailable:{title:"The catalog does not answer",advice:"The albums cannot be read at the moment. This is usually over within a minute.",remedy:"wait"},catalog_misconfigured:{title:"The catalog is not set up correctly",advice:"Whoever operates the service finds the cause and the remedy in /health.",remedy:"retry"},unauthorized:{title:"This service needs a key",advice:"Paste the API key that you were given. It is kept until this tab is closed, and is sent to this service only.",remedy:"key"},forbidden:{title:"This key is not allowed to do that",advice:"The key has another role. Use a key with more rights, such as an admin key.",remedy:"key"},album_not_found:{title:"This album is not in the catalog",advice:"It may have been removed since the address was made. Search for another album.",remedy:null},job_not_found:{title:"The search is no longer known",advice:"Its answer was not fetched in time. Search again.",remedy:"retry"},job_canceled:{title:"The search was canceled",advice:"Nothing was found, because the search was stopped before its end.",remedy:"retry"},invalid_parameter:{title:"The search contains a value that is not allowed",advice:"Change or remove the value.",remedy:"shorten"},malformed_body:{title:"The search arrived damaged",advice:"Something between this page and the service changed the request. Try again.",remedy:"retry"},headers_too_large:{title:"The search is too long",advice:"Use fewer words or fewer filters.",remedy:"shorten"},internal:{title:"Something went wrong in the service",advice:"The log of the service describes the error under the request id below.",remedy:"retry"}};function de(e){let t=oe(e);return(Object.hasOwn(Ct,t)?Ct[t]:void 0)??{...Ct.internal,advice:"Try again in a moment."}}function oe(e){if(e instanceof N){let[t]=e.code==="invalid_parameter"?e.parameters:[];return t==="parts"?"nothing_wanted":t==="year_min"?"years_reversed":e.code}return e instanceof Pe?"picture_empty":e instanceof ke?"picture_missing":"internal"}function H({error:e,onRetry:t,onShrink:n,onRemovePicture:r}){let{title:o,advice:i,remedy:s}=de(e),a=e instanceof N?e:null;return Vn(oe(e)==="offline"?e:null,t),l`<section class="problem" role="alert" data-code=${oe(e)}>
<h2>${o}</h2>
<p>${i}</p>
${a&&oe(e)==="invalid_parameter"&&l`<p>The service says: <bdi>${a.detail}</bdi>.</p>`}
${s==="key"&&l`<${go} onKept=${t} />`}
${s==="wait"&&l`<${ho} key=${e} seconds=${a?.retryAfterS??5} onRetry=${t} />`}
<div class="actions">
${s==="shrink"&&n&&l`<button type="button" class="button button-main" onClick=${n}>Shrink the picture and search</button>`}
${(s==="shrink"||s==="remove-picture")&&r&&l`<button type="button" class="button" onClick=${r}>Remove the picture</button>`}
${s==="retry"&&l`<button type="button" class="button button-main" onClick=${t}>Try again</button>`}
</div>
${a&&l`<details class="problem-detail">
<summary>Details</summary>
<p><code>${a.code}</code>: <span dir="auto">${a.detail}</span></p>
${a.requestId&&l`<p>Request id: <code>${a.requestId}</code></p>`}
</details>`}
</section>`}function ho({seconds:e,onRetry:t}){let[n]=h(()=>performance.now()+1e3*Math.max(1,e)),r=()=>Math.ceil((n-performance.now())/1e3),[o,i]=h(r);return g(()=>{let s=setInterval(()=>i(r()),1e3);return()=>clearInterval(s)},[]),g(()=>{o<=0&&t()},[o<=0]),l`<p class="countdown">
Trying again in <span class="countdown-number">${Math.max(0,o)}</span> s.
<button type="button" class="button" onClick=${t}>Try now</button>
</p>`}function go({onKept:e}){let[t,n]=h(re()??"");return l`<form class="key-form" onSubmit=${o=>{o.preventDefault(),kt(t),e()}}>
<label for="api-key">API key</label>
<div class="key-row">
<input
id="api-key"
type="password"
autocomplete="off"
spellcheck=${!1}
required
value=${t}
onInput=${o=>{let i=o.target;i.value=Pt(i.value),n(i.value)}}
/>
<button class="button button-main">Use this key</button>
</div>
</form>`}var O={genres:[],artists:[],yearMin:null,yearMax:null,minScore:null,bestNewMusic:!1,color:null},E={view:"search",parts:[],filters:O,minSimilarity:null,album:null,code:!1,ignored:[]},B=8,Je=10,Mt=500,yo={text:"text",image:"picture",album:"like"};function ie(e){let t=new URLSearchParams(e),n=[],r=(s,a,c)=>{let d=t.get(s)?.trim();if(!d)return null;let u=c(d);return u===null&&n.push({given:`${s}=${d}`,allowed:a}),u},o=(s,a,c)=>r(s,`a number from ${a} to ${c}`,d=>qn(d,a,c)),i=s=>r(s,"a whole number from 1000 to 9999",a=>/^[1-9]\d{3}$/.test(a)?Number(a):null);return{view:r("view","catalog or service",s=>s==="catalog"||s==="service"?s:null)??"search",parts:bo(t,r("weights",`numbers from -${Je} to ${Je}, but not 0`,_o)??[]),filters:{genres:t.getAll("genre").filter(Boolean),artists:t.getAll("artist").filter(Boolean),yearMin:i("year_min"),yearMax:i("year_max"),minScore:o("min_score",0,10),bestNewMusic:r("best_new_music","true or false",$o)??!1,color:r("color","a colour such as #1d5fd6",s=>/^#[0-9a-f]{6}$/i.test(s)?s.toLowerCase():null)},minSimilarity:o("min_similarity",-1,1),album:t.get("album")||null,code:t.has("code"),ignored:n}}function W(e){let t=new URLSearchParams;e.view!=="search"&&t.set("view",e.view);for(let o of e.parts)t.append(yo[o.kind],o.kind==="text"?o.text:o.id);e.parts.some(o=>o.weight!==1)&&t.set("weights",e.parts.map(o=>o.weight).join(" "));let{filters:n}=e;for(let o of n.genres)t.append("genre",o);for(let o of n.artists)t.append("artist",o);Ge(t,"year_min",n.yearMin),Ge(t,"year_max",n.yearMax),Ge(t,"min_score",n.minScore),n.bestNewMusic&&t.set("best_new_music","true"),n.color!==null&&t.set("color",n.color),Ge(t,"min_similarity",e.minSimilarity),e.album!==null&&t.set("album",e.album),e.code&&t.set("code","");let r=t.toString().replace(/code=(?=&|$)/,"code");return r&&`?${r}`}function bo(e,t){let n=[];for(let[r,o]of e)o.trim()&&(r==="text"?n.push({kind:"text",text:o.slice(0,Mt),weight:1}):r==="picture"?n.push({kind:"image",id:o,weight:1}):r==="like"&&n.push({kind:"album",id:o,weight:1}));return n.slice(0,B).map((r,o)=>({...r,weight:t[o]??1}))}function _o(e){let t=e.split(/\s+/).map(n=>qn(n,-Je,Je));return t.every(n=>!!n)?t:null}function $o(e){return e==="true"||(e==="false"?!1:null)}function qn(e,t,n){let r=Number(e);return r>=t&&r<=n?r:null}function Ge(e,t,n){n!==null&&e.set(t,String(n))}function G(e){let{filters:t}=e;return t.genres.length+t.artists.length+ +(t.yearMin!==null||t.yearMax!==null)+ +(t.minScore!==null)+Number(t.bestNewMusic)+ +(t.color!==null)+ +(e.minSimilarity!==null)}async function*Un(e,t){let n=e.pipeThrough(new TextDecoderStream).getReader(),r="";try{for(;;){let{done:o,value:i}=await n.read();if(o)return;t(),r=(r+i).replace(/\r\n|\r(?!$)/g,`
`);let s=r.split(`

`);r=s.pop()??"";for(let a of s){let c=vo(a);c!==null&&(yield c)}}}finally{await n.cancel().catch(()=>{})}}function vo(e){let t="message",n=[];for(let r of e.split(`
`)){let[,o,i]=/^(event|data): ?(.*)$/.exec(r)??[];o==="event"?t=i??"":o==="data"&&n.push(i??"")}return n.length===0?null:{name:t,data:n.join(`
`)}}var wo=20,xo=1e3,So=5e3,ko=4e4;async function Wn(e,t,n){let r=Nt(t,n),o=`api/jobs/${encodeURIComponent(r.id)}`,i=!0;for(;!Rt(r);){if(i&&!document.hidden){let a=await To(e,`${o}/events`,n);a===null?i=!1:a!=="hidden"&&(r=a);continue}let s=[["wait",document.hidden?"0":String(wo)]];r=Nt((await le(e,{method:"GET",path:o,query:s,signal:n.signal})).body,n),Rt(r)||await Ao(document.hidden?So:xo)}if(r.result===null)throw Po(r);return r.result}function Gn(e,t){return le(e,{method:"POST",path:`api/jobs/${encodeURIComponent(t)}/cancel`})}function Po(e){return e.status==="canceled"?new N("job_canceled","the job was canceled"):new N(e.error?.code??"internal",e.error?.detail??"the job has no result")}async function To(e,t,n){let r=new AbortController,o=()=>r.abort(),i=!1,s=()=>{i=!0,o()},a=0,c=()=>{clearTimeout(a),a=setTimeout(o,ko)};n.signal?.addEventListener("abort",o),document.addEventListener("visibilitychange",s),c();try{let d=await Ln(e,t,r.signal);if(!d.ok||!d.body)return null;for await(let u of Un(d.body,c)){if(u.name==="problem")return null;let p=Nt(u.data,n);if(Rt(p))return p}}catch(d){if(n.signal?.aborted)throw d}finally{clearTimeout(a),n.signal?.removeEventListener("abort",o),document.removeEventListener("visibilitychange",s)}return i?"hidden":null}function Nt(e,{onJob:t}){let n=Se(e);if(typeof n.status!="string")throw new N("no_gateway","the answer is not a job");return t?.(n),n}function Rt(e){return e.status!=="queued"&&e.status!=="running"}function Ao(e){return new Promise(t=>{let n=setTimeout(r,e);document.addEventListener("visibilitychange",r);function r(){clearTimeout(n),document.removeEventListener("visibilitychange",r),t()}})}var Eo=.3;async function me(e,t,n){let r=await Lt(t,n.picture),o=await le(e,{...r,query:[...r.query??[],["wait",String(Eo)]],signal:n.signal,onUpload:Co(t)?n.onUpload:void 0});return o.status!==202?Jn(Se(o.body),o):Jn(await Wn(e,o.body,n),o)}function Co(e){return e.parts.some(t=>t.kind==="image")}async function Lt(e,t){let[n]=e.parts,r=Mo(e);if(!(e.parts.length===1&&n?.weight===1&&!(n.kind==="album"&&Kn(n.id))))return{method:"POST",path:"api/search",body:await No(e,t),contentType:"application/json"};switch(n.kind){case"text":return{method:"GET",path:"api/search-by-text",query:[["query",n.text],...r]};case"album":return{method:"GET",path:`api/albums/${encodeURIComponent(n.id)}/similar`,query:r};case"image":{let i=await t(n.id),s=i.type.startsWith("image/")?i.type:"application/octet-stream";return{method:"POST",path:"api/search-by-image",query:r,body:i,contentType:s}}}}function Kn(e){return e==="."||e===".."}async function Xn(e,t){if(Kn(t))throw new N("album_not_found",`no album has the id ${t}`);let n=[["include","metadata"],["include","reviewer"]];return F(e,{path:`api/albums/${encodeURIComponent(t)}`,query:n})}function Ft(e){let t=[...e.genres.map(n=>["genre",n]),...e.artists.map(n=>["artist",n])];return e.yearMin!==null&&t.push(["year_min",String(e.yearMin)]),e.yearMax!==null&&t.push(["year_max",String(e.yearMax)]),e.minScore!==null&&t.push(["min_score",String(e.minScore)]),e.bestNewMusic&&t.push(["best_new_music","true"]),e.color!==null&&t.push(["color",e.color]),t}function Mo(e){return[["k",String(e.k)],...e.offset?[["offset",String(e.offset)]]:[],...e.minSimilarity===null?[]:[["min_similarity",String(e.minSimilarity)]],...e.explain?[["explain","true"]]:[],...Ft(e.filters)]}function It(e){let{filters:t}=e;return{k:e.k,...e.offset?{offset:e.offset}:{},...e.minSimilarity===null?{}:{min_similarity:e.minSimilarity},...e.explain?{explain:!0}:{},...t.genres.length?{genre:t.genres}:{},...t.artists.length?{artist:t.artists}:{},...t.yearMin===null?{}:{year_min:t.yearMin},...t.yearMax===null?{}:{year_max:t.yearMax},...t.minScore===null?{}:{min_score:t.minScore},...t.bestNewMusic?{best_new_music:!0}:{},...t.color===null?{}:{color:t.color}}}async function No(e,t){let n=await Promise.all(e.parts.map(async r=>{let o=r.weight===1?{}:{weight:r.weight};return r.kind==="text"?{text:r.text,...o}:r.kind==="album"?{album_id:r.id,...o}:{image:await Ro(await t(r.id)),...o}}));return JSON.stringify({parts:n,...It(e)})}async function Ro(e){let t=new Uint8Array(await e.arrayBuffer()),n="";for(let r=0;r<t.length;r+=32768)n+=String.fromCharCode(...t.subarray(r,r+32768));return btoa(n)}function Jn(e,t){if(!Array.isArray(e.results))throw new N("no_gateway","the answer is not a result");return{result:e,cache:t.header("X-Cache")}}var Ke=25,zn=950,Yn=1e3,Ee="album cover",Qn={shown:null,matches:[],first:null,next:0,end:null,loading:null,job:null,upload:null,error:null};function pe(e,t,n=!1){return{parts:e.parts.length?e.parts:[{kind:"text",text:Ee,weight:1}],filters:e.filters,minSimilarity:e.minSimilarity,k:t<zn?Ke:Yn-zn,offset:t,explain:n}}function fe(e){return e.view!=="search"||!e.parts.length&&!G(e)?null:W({...e,album:null,code:!1})}var Ae=new Map,Lo=10;function Zn(e){return`${re()??""} ${e}`}function Fo(e){if(e.shown===null||e.loading!==null||e.error!==null)return;let t=Zn(e.shown);Ae.delete(t),Ae.set(t,e);for(let n of[...Ae.keys()].slice(0,-Lo))Ae.delete(n)}function er({address:e,isRevisited:t}){let n=fe(e),[r,o]=h(Qn),i=P(null),s=a=>{Ot(i.current);let c={abort:new AbortController,job:null};i.current=c;let d=u=>{i.current===c&&o(u)};d(u=>({...u,loading:a?"more":"first",error:null,job:null,upload:null})),Io(c,{key:n,offset:a,asked:pe(e,a)},d)};return U(()=>Fo(r),[r]),U(()=>{if(n===null){o(Qn);return}let a=t?Ae.get(Zn(n)):void 0;return a?o(a):s(0),()=>{Ot(i.current),i.current=null}},[n]),{...r,loadMore:()=>{r.loading===null&&r.end===null&&r.error===null&&r.shown===n&&s(r.next)},retry:()=>s(r.matches.length&&r.shown===n?r.next:0),cancel:()=>{Ot(i.current),i.current=null,o(a=>({...a,loading:null,job:null,upload:null,error:Vo()}))}}}function Io(e,t,n){me(x,t.asked,{signal:e.abort.signal,picture:We,onUpload:r=>n(o=>({...o,upload:r})),onJob:r=>{e.job=r.id,n(o=>({...o,job:r,upload:null}))}}).then(r=>{e.job=null,n(o=>Oo(o,r,t))},r=>{ce(r)||n(o=>({...o,loading:null,job:null,upload:null,error:r}))})}function Oo(e,t,{key:n,offset:r,asked:o}){let{results:i,exhausted:s}=t.result,a=r?Do([...e.matches,...i]):i;return{...e,shown:n,matches:a,first:r?e.first:t,next:r+o.k,end:s??i.length<o.k?"exhausted":r+o.k>=Yn?"limit":null,loading:null,job:null,upload:null,error:null}}function Do(e){return[...new Map(e.map(t=>[t.id,t])).values()]}function Ot(e){e!==null&&(e.abort.abort(),e.job!==null&&Gn(x,e.job).catch(()=>{}))}function Vo(){return new N("job_canceled","the search was canceled")}function se(e,t,n){let r={kind:"album",id:t,weight:n},o=e.parts.filter(a=>a.kind==="text"||a.id!==t),i=o.length?o:[{kind:"text",text:Ee,weight:1}];return{view:"search",parts:n>0?[r]:[...i.slice(0,B-1),r],album:null,code:!1}}var Bo={search:"M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14Zm5 12 4.5 4.5",picture:"M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9h.01",camera:"M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4Z",close:"M6 6l12 12M18 6 6 18",plus:"M12 5v14M5 12h14",minus:"M5 12h14",why:"M9.2 9.2a2.9 2.9 0 1 1 4 2.7c-.8.4-1.2 1-1.2 1.9v.4M12 17.5h.01",filters:"M4 7h10M18 7h2M4 17h2M10 17h10M14 4.5v5M10 14.5v5",code:"M8.5 7 4 12l4.5 5M15.5 7 20 12l-4.5 5",copy:"M9 9h10v11H9zM6 15H5V4h10v2",check:"M5 12.5l4.5 4.5L19 7.5",clock:"M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16Zm0 4v4.5l3 2"};function S({name:e}){return l`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${Bo[e]} /></svg>`}function Xe({label:e,className:t,onClose:n,children:r}){let o=P(null);g(()=>{let s=document.activeElement;return o.current?.showModal(),()=>{s instanceof HTMLElement&&s.isConnected&&s.focus({preventScroll:!0})}},[]);let i=s=>{s.target===o.current&&n()};return l`<dialog
ref=${o}
class=${`dialog ${t}`}
aria-label=${e}
onCancel=${s=>{s.preventDefault(),n()}}
onClick=${i}
>
<div class="dialog-body">
<button type="button" class="dialog-close" aria-label="Close" onClick=${n}><${S} name="close" /></button>
${r}
</div>
</dialog>`}var Dt=gn({address:E,isRevisited:!1,go:()=>{},close:()=>{}});function _(){return Cn(Dt)}function M(e){return`./${W(e)}`}function R(e){return t=>{t.metaKey||t.ctrlKey||t.shiftKey||t.altKey||t.button!==0||(t.preventDefault(),e())}}function nr(){let[{address:e,isRevisited:t},n]=h(()=>({address:ie(location.search),isRevisited:!1})),r=P(!1),o=Ho();g(()=>{let a=()=>{r.current=!1,o(ze().depth),n({address:ie(location.search),isRevisited:!0})};return addEventListener("popstate",a),()=>removeEventListener("popstate",a)},[]);let i=(a,c)=>{let d=ie(location.search),u={...d,...a};if(!(W(u)===location.search&&!c?.replace)){if(c?.replace)history.replaceState(history.state,"",M(u));else{let{depth:p,opener:f}=ze();Qe.set(p,scrollY),Qe.delete(p+1);let m={depth:p+1,opener:qo(d)?f:p};history.pushState(m,"",M(u))}n({address:ie(location.search),isRevisited:!1}),W(tr(u))!==W(tr(d))&&jo()}};return{address:e,isRevisited:t,go:i,close:a=>{let{depth:c,opener:d}=ze();r.current||(r.current=d!==null,d===null?i(a,{replace:!0}):history.go(d-c))}}}var Qe=new Map;function Ho(){let e=P(void 0);return g(()=>{let t=()=>{Qe.set(ze().depth,scrollY)};return addEventListener("scroll",t,{passive:!0}),()=>removeEventListener("scroll",t)},[]),U(()=>{let t=e.current;e.current=void 0,t!==void 0&&requestAnimationFrame(()=>scrollTo(0,t))}),t=>{e.current=Qe.get(t)}}function ze(){return history.state??{depth:0,opener:null}}function tr(e){return{...e,album:null,code:!1}}function jo(){let e=document.querySelector("main h1");e!==null&&e.getBoundingClientRect().bottom<0&&e.scrollIntoView()}function qo(e){return e.album!==null||e.code}var Vt=new Map,rr=new Map;function D(e,t){let n=e===null?null:`${re()??""} ${e}`,[r,o]=h({value:null,error:null}),[i,s]=h(0);g(()=>{if(n===null)return;let c=!0;return Uo(n,t).then(d=>c&&o({value:d,error:null}),d=>c&&o(u=>({...u,error:d}))),()=>{c=!1}},[n,i]);let a=n===null?void 0:rr.get(n);return{...a===void 0?r:{value:a,error:null},reload:()=>s(c=>c+1)}}function Uo(e,t){let n=Vt.get(e);if(n)return n;let r=t();return Vt.set(e,r),r.then(o=>rr.set(e,o),()=>Vt.delete(e)),r}var or=512;function Bt(e){if(!e)return null;try{let{protocol:t}=new URL(e,document.baseURI);return t==="https:"||t==="http:"?e:null}catch{return null}}function j({album:e,sizes:t,large:n=!1,isNamed:r=!1}){let o=Bt(e.thumbnail_urls?.["256"]),i=Bt(e.thumbnail_urls?.["512"]),s=Bt(e.cover_url),a=n||!(i??o),c=(a?[s,i,o]:[i,o,i]).filter(v=>v!==null),d=c.join(" "),[u,p]=h({name:d,count:0}),f=u.name===d?u.count:0,m=c[f];if(m===void 0)return l`<${Wo} album=${e} isNamed=${r} />`;let y=!a&&f===0&&o&&i;return l`<img
key=${f}
class="cover"
src=${m}
srcset=${y?`${o} 256w, ${i} 512w`:void 0}
sizes=${y?t:void 0}
width=${or}
height=${or}
alt=${r?"":`Cover of ${e.album_name} by ${e.artist}`}
loading=${n?"eager":"lazy"}
decoding="async"
referrerpolicy="no-referrer"
onError=${()=>p({name:d,count:f+1})}
/>`}function Wo({album:e,isNamed:t}){let n=Go(`${e.artist} ${e.album_name}`),r=n%360;return l`<svg
class="cover stand-in"
viewBox="0 0 100 100"
role="img"
aria-hidden=${t}
aria-label=${`No cover of ${e.album_name} by ${e.artist}`}
>
<rect class="stand-in-paper" width="100" height="100" />
<g transform=${`rotate(${r} 50 50)`}>
<circle class="stand-in-record" cx="50" cy="50" r="34" />
${[30,26,22,18].map(o=>l`<circle class="stand-in-groove" cx="50" cy="50" r=${o} />`)}
<path class="stand-in-shine" d="M50 50 L80 34 A34 34 0 0 1 84 48 Z M50 50 L20 66 A34 34 0 0 1 16 52 Z" />
<circle cx="50" cy="50" r="11" fill=${`hsl(${(n>>9)%360} 38% 58%)`} />
<circle class="stand-in-paper" cx="50" cy="50" r="1.8" />
</g>
</svg>`}function Go(e){let t=2166136261;for(let n of e)t=Math.imul(t^(n.codePointAt(0)??0),16777619)>>>0;return t}function ir(e){return[e.release_year===null?"":String(e.release_year),e.genres.join(", "),e.pitchfork_score===null?"":Ht(e.pitchfork_score)].filter(Boolean)}function Ht(e){return e.toFixed(1)}function J(e){return`${e.album_name}, ${e.artist}`}function I(e,t,n=`${t}s`){return`${e.toLocaleString("en")} ${e===1?t:n}`}function Ye(e){return D(e&&`album ${e}`,()=>Xn(x,e??""))}var Jo=12;function sr({id:e}){let{close:t}=_(),{value:n,error:r,reload:o}=Ye(e),i=n?.id===e;return l`<${Xe}
label=${i&&n?J(n):"Album"}
className="album-dialog"
onClose=${()=>t({album:null})}
>
${r!==null&&l`<${H} error=${r} onRetry=${o} />`}
${i&&n&&l`<${Ko} album=${n} />`}
${r===null&&!i&&l`<p role="status">Loading …</p>`}
<//>`}function Ko({album:e}){let{address:t,go:n}=_(),r=i=>n(se(t,e.id,i)),o={...E,filters:{...O,artists:[e.artist]}};return l`<article class="album">
<div class="album-cover"><${j} album=${e} sizes="30rem" large isNamed /></div>
<div class="album-text">
<h2><bdi>${e.album_name}</bdi></h2>
<p class="album-artist">
<a href=${M(o)} onClick=${R(()=>n(o))}><bdi>${e.artist}</bdi></a>
</p>
${e.best_new_music&&l`<p><span class="mark">Best new music</span></p>`}
<dl class="album-facts">
${Xo(e).map(([i,s])=>l`<div key=${i}>
<dt>${i}</dt>
<dd dir="auto">${s}</dd>
</div>`)}
</dl>
<div class="actions">
<button type="button" class="button button-main" onClick=${()=>r(1)}>More like this</button>
<button type="button" class="button" onClick=${()=>r(-.5)}>Less like this</button>
</div>
</div>
<${Yo} id=${e.id} />
</article>`}function Xo(e){return[["Year",e.release_year?.toString()],[e.genres.length===1?"Genre":"Genres",e.genres.join(", ")],["Score",e.pitchfork_score===null?null:Ht(e.pitchfork_score)],["Reviewer",e.reviewer],...Object.entries(e.metadata??{}).map(([n,r])=>[Qo(n),zo(r)])].filter(n=>!!n[1])}function zo(e){return Array.isArray(e)?e.some(t=>Object(t)===t)?null:e.join(", "):typeof e=="object"?null:String(e)}function Qo(e){let t=e.replaceAll("_"," ");return t.charAt(0).toUpperCase()+t.slice(1)}function Yo({id:e}){let{address:t,go:n}=_(),{value:r,error:o}=D(`similar ${e}`,async()=>{let s=`api/albums/${encodeURIComponent(e)}/similar`,a=await F(x,{path:s,query:[["k",String(Jo)]]});return{id:e,results:a.results}});if(o!==null)return l`<p class="album-similar">Similar albums cannot be shown at the moment.</p>`;let i=r?.id===e?r.results:[];return l`<section class="album-similar" aria-label="Similar albums">
<h3 class="small-heading">Similar covers</h3>
<ul>
${i.map(s=>l`<li key=${s.id}>
<a
href=${M({...t,album:s.id})}
title=${J(s)}
onClick=${R(()=>n({album:s.id}))}
>
<${j} album=${s} sizes="7rem" />
</a>
</li>`)}
</ul>
</section>`}function ar(e,t){return t?.colors.find(n=>n.hex===e)?.color??e}var jt="red orange yellow lime green teal blue purple magenta pink brown beige black grey white".split(" ");function he(e){let t=e.colors.filter(r=>r.color!==null&&r.hex!==null),n=({color:r})=>jt.includes(r)?jt.indexOf(r):jt.length;return t.sort((r,o)=>n(r)-n(o))}function Ce(e){return D(`facets ${JSON.stringify(e)}`,()=>Ze(e))}function lr(e,t){if(e===null||t===null)return t;let n=(r,o,i)=>{let s=new Map(o.map(a=>[a[i],a.count]));return r.map(a=>({...a,count:s.get(a[i])??0}))};return{total_albums:t.total_albums,genres:n(e.genres,t.genres,"genre"),decades:n(e.decades,t.decades,"decade"),scores:n(e.scores,t.scores,"score"),best_new_music:n(e.best_new_music,t.best_new_music,"best_new_music"),colors:n(e.colors,t.colors,"color")}}var Zo={total_albums:0,genres:[],decades:[],scores:[],best_new_music:[],colors:[]};async function Ze(e,t){if((e.yearMin??0)>(e.yearMax??1/0)){let{decades:n}=await Ze({...e,yearMin:null,yearMax:null},t);return{...Zo,decades:n}}return F(x,{path:"api/facets",query:Ft(e),signal:t})}function Ne({title:e,of:t,note:n,bars:r,kind:o}){return l`<section class=${`chart chart-${o}`} aria-label=${e}>
<h2>${e}</h2>
${n&&l`<p class="note">${n}</p>`}
${o==="rows"?l`<${ti} bars=${r} title=${e} />`:l`<${ri} bars=${r} title=${e} />`}
<details class="chart-table">
<summary>As a table</summary>
<table>
<thead>
<tr><th scope="col">${t}</th><th scope="col">Albums</th></tr>
</thead>
<tbody>
${r.map(i=>l`<tr key=${i.label}><th scope="row">${i.label}</th><td>${et(i.count)}</td></tr>`)}
</tbody>
</table>
</details>
</section>`}var ae=30,qt=150,ei=64,Me=560;function ti({bars:e,title:t}){let n=Math.max(1,...e.map(o=>o.count)),r=Me-qt-ei;return l`<svg viewBox=${`0 0 ${Me} ${e.length*ae}`} role="group" aria-label=${`${t}, as a chart`}>
${e.map((o,i)=>{let s=Math.max(2,r*o.count/n),a=i*ae+ae/2;return l`<${cr} key=${o.label} bar=${o}>
<rect class="bar-room" x="0" y=${i*ae} width=${Me} height=${ae} />
<text class="bar-label" x="0" y=${a}>${oi(o.label)}</text>${" "}
<rect class="bar" x=${qt} y=${i*ae+7} width=${s} height=${ae-14} rx="2" fill=${o.color} />
<text class="bar-count" x=${qt+s+8} y=${a}>${et(o.count)}</text>
<//>`})}
</svg>`}var ge=220,ni=22,Ut=26;function ri({bars:e,title:t}){let n=Math.max(1,...e.map(i=>i.count)),r=Me/Math.max(1,e.length),o=ge-ni-Ut;return l`<svg viewBox=${`0 0 ${Me} ${ge}`} role="group" aria-label=${`${t}, as a chart`}>
${e.map((i,s)=>{let a=Math.max(2,o*i.count/n),c=s*r+r/2;return l`<${cr} key=${i.label} bar=${i}>
<rect class="bar-room" x=${s*r} y="0" width=${r} height=${ge} />
<rect
class="bar"
x=${s*r+r*.14}
y=${ge-Ut-a}
width=${r*.72}
height=${a}
rx="2"
fill=${i.color}
/>
<text class="bar-label is-middle" x=${c} y=${ge-10}>${i.label}</text>${" "}
<text class="bar-count is-middle" x=${c} y=${ge-Ut-a-11}>${et(i.count)}</text>
<//>`})}
</svg>`}function cr({bar:e,children:t}){let{go:n}=_();return l`<a
class="bar-link"
href=${M(e.address)}
aria-label=${`${e.label} ${et(e.count)} albums`}
onClick=${R(()=>n(e.address))}
>${t}</a
>`}function oi(e){return e.length>20?`${e.slice(0,19)}…`:e}function et(e){return e.toLocaleString("en")}var ii=15;function ur(){let e=Ce(O),t=D("stats",()=>F(x,{path:"api/stats"})).value;if(e.error!==null)return l`<${H} error=${e.error} onRetry=${e.reload} />`;let n=e.value;return l`<div class="catalog">
<header class="view-header">
<h1 tabindex="-1">The catalog</h1>
<p class="lead">${n===null?"Counting …":si(n,t)}</p>
</header>
${n&&l`<div class="charts">
<${Ne} kind="rows" title="Genres" of="Genre" note="An album counts in each of its genres." bars=${ai(n)} />
<${Ne} kind="rows" title="Main colours" of="Colour" note="A search by colour also finds covers with a fifth of it." bars=${li(n)} />
<${Ne} kind="columns" title="Decades" of="Decade" bars=${ci(n)} />
<${Ne} kind="columns" title="Scores" of="Score" note="Albums with this score or a higher one." bars=${ui(n)} />
</div>`}
</div>`}function si(e,t){let n=t?.year_range,r=t?.pitchfork_scores.average;return[I(e.total_albums,"album"),n?.min&&n.max?`from ${n.min} to ${n.max}`:"",r?`with an average score of ${r.toFixed(1)}`:""].filter(Boolean).join(" ")}function tt(e){return{...E,filters:{...O,...e}}}function ai(e){return e.genres.flatMap(({genre:t,count:n})=>t===null?[]:[{label:t,count:n,address:tt({genres:[t]})}]).slice(0,ii)}function li(e){return he(e).map(({color:t,hex:n,count:r})=>({label:t,count:r,color:n,address:tt({color:n})}))}function ci(e){return e.decades.flatMap(({decade:t,count:n})=>t===null?[]:[{decade:t,label:`${t}s`,count:n,address:tt({yearMin:t,yearMax:t+9})}]).sort((t,n)=>t.decade-n.decade)}function ui(e){let t=e.scores.flatMap(({score:r,count:o})=>r===null?[]:[{score:r,count:o}]),n=Math.min(...t.map(({score:r})=>r));return Array.from({length:10},(r,o)=>({label:`${o}+`,count:t.filter(i=>i.score>=o).reduce((i,s)=>i+s.count,0),address:tt({minScore:o})})).slice(n)}var dr=["curl","Python","JavaScript"],Gt="COVER_SEARCH_KEY";async function mr(e,t,n){let r=await di(t,n);switch(e){case"curl":return mi(r);case"Python":return fi(r);case"JavaScript":return hi(r)}}async function di(e,t){let n=await Lt(e,()=>Promise.resolve(new Blob)),r=n.query??[],o=0,i=e.parts.map(s=>{let a=s.weight===1?{}:{weight:s.weight};return s.kind==="text"?{text:s.text,...a}:s.kind==="album"?{album_id:s.id,...a}:(o+=1,{image:o===1?"cover.jpg":`cover-${o}.jpg`,...a})});return{url:xe(t,{path:n.path,query:r}).href.replaceAll("'","%27"),path:n.method==="GET"?"get":n.path==="api/search"?"composed":"image",body:{parts:i,...It(e)},files:i.flatMap(s=>"image"in s?[s.image]:[]),hasKey:t.key()!==null}}function mi({url:e,path:t,body:n,hasKey:r}){let o=r?` \\
  -H "X-API-Key: $${Gt}"`:"";return t==="get"?`curl '${e}'${o}
`:t==="image"?`curl -F file=@cover.jpg '${e}'${o}
`:`curl '${e}'${o} \\
  -H 'Content-Type: application/json' --data-binary @- <<END
${pi(n)}
END
`}function pi(e){return JSON.stringify(e,null,2).replace(/[\\$`]/g,"\\$&").replace(/("image": )"([\w.-]+)"/g,`$1"$(base64 < $2 | tr -d '\\n')"`)}function fi({url:e,path:t,body:n,files:r,hasKey:o}){let i=o?`headers = {"X-API-Key": os.environ["${Gt}"]}
`:"",s=o?", headers=headers":"",a=[...r.length&&t==="composed"?["import base64"]:[],...o?["import os"]:[]],c=`${a.join(`
`)}${a.length?`

`:""}import httpx

${i}`,d=`answer.raise_for_status()
for album in answer.json()["results"]:
    print(album["similarity"], album["artist"], "-", album["album_name"])
`;if(t==="get")return`${c}answer = httpx.get(${JSON.stringify(e)}${s}, timeout=60)
${d}`;if(t==="image"){let p=`answer = httpx.post(${JSON.stringify(e)}, files={"file": image}${s}, timeout=60)`;return`${c}with open("cover.jpg", "rb") as image:
    ${p}
${d}`}let u=r.length?`def read(name):
    with open(name, "rb") as image:
        return base64.b64encode(image.read()).decode()

`:"";return`${c}${u}query = ${Wt(n)}
answer = httpx.post(${JSON.stringify(e)}, json=query${s}, timeout=60)
${d}`}function hi({url:e,path:t,body:n,files:r,hasKey:o}){let i=r.length?`import { openAsBlob } from "node:fs";

`:"",s=o?`"X-API-Key": process.env.${Gt}`:"",a=`if (!answer.ok) throw new Error(await answer.text());
for (const album of (await answer.json()).results) {
  console.log(album.similarity, album.artist, "-", album.album_name);
}
`,c=m=>`const answer = await fetch(${JSON.stringify(e)}${m.length?`, { ${m.join(", ")} }`:""});
`;if(t==="get")return c(o?[`headers: { ${s} }`]:[])+a;if(t==="image")return i+`const form = new FormData();
form.append("file", await openAsBlob("cover.jpg"), "cover.jpg");
`+c(['method: "POST"',"body: form",...o?[`headers: { ${s} }`]:[]])+a;let d=r.length?`const read = async (name) => Buffer.from(await (await openAsBlob(name)).arrayBuffer()).toString("base64");
`:"",u=JSON.stringify(n,null,2).replace(/("image": )("[\w.-]+")/g,"$1await read($2)"),f=['method: "POST"',"body: JSON.stringify(query)",`headers: { ${['"Content-Type": "application/json"',...o?[s]:[]].join(", ")} }`];return`${i}${d}const query = ${u};
${c(f)}${a}`}function Wt(e,t=""){let n=`${t}    `;return Array.isArray(e)?`[
${e.map(r=>`${n}${Wt(r,n)},
`).join("")}${t}]`:typeof e=="object"&&e!==null?`{
${Object.entries(e).map(([o,i])=>{let s=o==="image"?`read(${JSON.stringify(i)})`:Wt(i,n);return`${n}${JSON.stringify(o)}: ${s},
`}).join("")}${t}}`:typeof e=="boolean"?e?"True":"False":JSON.stringify(e)}function pr(){let{address:e,close:t}=_(),[n,r]=h("curl"),[o,i]=h("");return g(()=>{let s=!0;return mr(n,pe(e,0),x).then(a=>{s&&i(a)}),()=>{s=!1}},[n]),l`<${Xe} label="This search as code" className="code-dialog" onClose=${()=>t({code:!1})}>
<h2>This search as code</h2>
<div class="tabs" role="group" aria-label="Language">
${dr.map(s=>l`<button
key=${s}
type="button"
class="tab"
aria-pressed=${s===n}
onClick=${()=>r(s)}
>
${s}
</button>`)}
</div>
<div class="code-box">
<pre class="code" tabindex="0" aria-label=${`${n} code`}><code>${o}</code></pre>
<${gi} text=${o} />
</div>
<p class="note">
All parameters are described in the <a href="../docs">HTTP interface</a>.
${n==="Python"&&l`<span> The program needs the package <code>httpx</code>.</span>`}
${n==="JavaScript"&&l`<span> The program runs with Node 20 or later, as a file that ends with <code>.mjs</code>.</span>`}
</p>
<//>`}function gi({text:e}){let[t,n]=h(!1);return g(()=>n(!1),[e]),l`<button type="button" class="button copy" onClick=${async()=>{await yi(e)&&n(!0)}}>
<${S} name=${t?"check":"copy"} /><span aria-live="polite">${t?"Copied":"Copy"}</span>
</button>`}async function yi(e){if(navigator.clipboard)return navigator.clipboard.writeText(e).then(()=>!0,()=>!1);let t=document.querySelector(".code code");return t&&getSelection()?.selectAllChildren(t),document.execCommand("copy")}function nt(e){let t=P(e);t.current=e,g(()=>{let n=new AbortController,r=(o,i)=>document.addEventListener(o,i,{signal:n.signal});return r("dragover",o=>{fr(o.dataTransfer)&&(o.preventDefault(),document.body.classList.add("is-dropping"))}),r("dragleave",o=>{o.relatedTarget===null&&document.body.classList.remove("is-dropping")}),r("drop",o=>{document.body.classList.remove("is-dropping"),fr(o.dataTransfer)&&(o.preventDefault(),t.current([...o.dataTransfer?.files??[]]))}),r("paste",o=>{let i=[...o.clipboardData?.files??[]];i.length!==0&&(o.preventDefault(),t.current(i))}),()=>n.abort()},[])}function fr(e){return e?.types.includes("Files")??!1}async function hr(e){let t=await createImageBitmap(e,{imageOrientation:"from-image"}),n=Math.min(1,1200/Math.max(t.width,t.height)),r=document.createElement("canvas");r.width=Math.max(1,Math.round(t.width*n)),r.height=Math.max(1,Math.round(t.height*n));let o=r.getContext("2d");if(o===null)throw new Error("this browser has no canvas");return o.fillStyle="#fff",o.fillRect(0,0,r.width,r.height),o.drawImage(t,0,0,r.width,r.height),t.close(),new Promise((i,s)=>{r.toBlob(a=>a?i(a):s(new Error("the copy failed")),"image/jpeg",.9)})}function rt(e,t){let{filters:n,minSimilarity:r}=e,o=[],i=(s,a)=>{o.push({label:s,without:{filters:{...n,...a},minSimilarity:r}})};for(let s of n.genres)i(s,{genres:n.genres.filter(a=>a!==s)});for(let s of n.artists)i(`by ${s}`,{artists:n.artists.filter(a=>a!==s)});return(n.yearMin!==null||n.yearMax!==null)&&i(bi(n.yearMin,n.yearMax),{yearMin:null,yearMax:null}),n.minScore!==null&&i(`score ${n.minScore} or more`,{minScore:null}),n.bestNewMusic&&i("best new music",{bestNewMusic:!1}),n.color!==null&&i(`${ar(n.color,t)} on the cover`,{color:null}),r!==null&&o.push({label:`similarity ${r} or more`,without:{filters:n,minSimilarity:null}}),o}var ye={filters:O,minSimilarity:null};function bi(e,t){return e===null?`until ${t??""}`:t===null?`since ${e}`:e===t?String(e):`${e} to ${t}`}function gr({facets:e}){let{address:t,go:n}=_(),r=rt(t,e),o=$i(r),i=r.map((s,a)=>({...s,count:o?.[a]??0})).filter(({count:s})=>s>0).sort((s,a)=>a.count-s.count);return l`<section class="empty">
<h2>No album meets all of this</h2>
${r.length===0&&l`<p>The catalog has no album with an embedded cover.</p>`}
${o!==null&&r.length>0&&i.length===0&&l`<${_i} onRemove=${()=>n(ye)} />`}
${i.length>0&&l`<p>Albums are found without one of these filters:</p>
<ul class="empty-filters">
${i.map(({label:s,without:a,count:c})=>l`<li key=${s}>
<button type="button" class="button" onClick=${()=>n(a)}>
Without <strong dir="auto">${s}</strong><span class="count">${I(c,"album")}</span>
</button>
</li>`)}
</ul>`}
</section>`}function _i({onRemove:e}){return l`<div class="several-filters">
<p>Albums are found only without several of these filters.</p>
<button type="button" class="button" onClick=${e}>Remove all filters</button>
</div>`}function $i(e){let[t,n]=h(null),r=JSON.stringify(e.map(o=>o.without.filters));return g(()=>{n(null);let o=new AbortController;return Promise.all(e.map(async({without:i})=>(await Ze(i.filters,o.signal)).total_albums)).then(n,()=>{}),()=>o.abort()},[r]),t}function br({shown:e,matches:t,end:n},r,o){if(e===null)return null;let i=ie(e);if(yr(i)!==yr(r))return null;let s=t.filter(({similarity:c})=>c>=o).length,a=i.minSimilarity===null||i.minSimilarity<=o;return{count:s,isAll:a&&(n==="exhausted"||s<t.length)}}function yr(e){return W({...e,minSimilarity:null,album:null,code:!1})}var _r=8,vi=300,$r=/^[1-9]\d{3}$/,wi=/^[1-9]\d{0,3}$/;function wr({facets:e,search:t,onRecount:n}){let{address:r,go:o}=_(),[i,s]=h(!1),{filters:a}=r,c=G(r),d=u=>o({filters:{...a,...u}});return l`<section class="filters" aria-label="Filters">
<button
type="button"
class="button filters-toggle"
aria-expanded=${i}
aria-controls="filter-panel"
onClick=${()=>s(!i)}
>
<${S} name="filters" />Filters${c?` (${c})`:""}
</button>
<div id="filter-panel" class=${`filter-panel ${i?"is-open":""}`}>
${n&&l`<p class="note filter-problem" role="alert">
The albums of each filter could not be counted.
<button type="button" class="link" onClick=${n}>Count again</button>
</p>`}
${e&&l`<div class="filter-groups">
<${xi} filters=${a} facets=${e} change=${d} />
<${Si} filters=${a} facets=${e} change=${d} />
<${ki} filters=${a} facets=${e} change=${d} />
<${Ti} filters=${a} facets=${e} change=${d} />
<${Ai} search=${t} onChange=${u=>o({minSimilarity:u})} />
</div>`}
${c>0&&l`<button type="button" class="button button-quiet" onClick=${()=>o(ye)}>Remove all filters</button>`}
</div>
</section>`}function xi({filters:e,facets:t,change:n}){let[r,o]=h(!1),i=t.genres.filter(u=>u.genre!==null),s=e.genres.filter(u=>!i.some(p=>p.genre===u)),a=[...i,...s.map(u=>({genre:u,count:0}))],c=a.filter((u,p)=>r||p<_r||e.genres.includes(u.genre));if(!a.length)return null;let d=u=>{let p=e.genres.includes(u);n({genres:p?e.genres.filter(f=>f!==u):[...e.genres,u]})};return l`<fieldset class="filter">
<legend>Genre</legend>
${c.map(({genre:u,count:p})=>l`<label class="choice" key=${u}>
<input type="checkbox" checked=${e.genres.includes(u)} onChange=${()=>d(u)} />
<span dir="auto">${u}</span><span class="count">${p.toLocaleString("en")}</span>
</label>`)}
${a.length>_r&&l`<button type="button" class="link" aria-expanded=${r} onClick=${()=>o(!r)}>
${r?"Show fewer":`Show all ${a.length}`}
</button>`}
</fieldset>`}function Si({filters:e,facets:t,change:n}){let r=t.decades.filter(a=>a.decade!==null).sort((a,c)=>a.decade-c.decade),o=Math.max(1,...r.map(a=>a.count)),i=a=>(e.yearMin!==null||e.yearMax!==null)&&(e.yearMin??0)<=a+9&&(e.yearMax??9999)>=a,s=a=>{let c=e.yearMin===a&&e.yearMax===a+9;n(c?{yearMin:null,yearMax:null}:{yearMin:a,yearMax:a+9})};return l`<fieldset class="filter">
<legend>Year</legend>
<div class="decades">
${r.map(({decade:a,count:c})=>l`<button
key=${a}
type="button"
class="decade"
aria-pressed=${i(a)}
title=${`${a} to ${a+9}: ${I(c,"album")}`}
aria-label=${`’${String(a).slice(2)}: ${a} to ${a+9}, ${I(c,"album")}`}
onClick=${()=>s(a)}
>
<span class="decade-bar" style=${{height:`${Math.max(4,100*c/o)}%`}}></span>
<span class="decade-name">${`’${String(a).slice(2)}`}</span>
</button>`)}
</div>
<div class="range">
<${vr} label="From" value=${e.yearMin} onChange=${a=>n({yearMin:a})} />
<${vr} label="To" value=${e.yearMax} onChange=${a=>n({yearMax:a})} />
</div>
</fieldset>`}function vr({label:e,value:t,onChange:n}){let[r,o]=ot(t===null?"":String(t),c=>{c===""?n(null):$r.test(c)&&n(Number(c))}),[i,s]=h(!1),a=r!==""&&!(i?$r:wi).test(r);return l`<div>
<label class="year"
><span>${e}</span>
<input
type="text"
inputmode="numeric"
maxlength="4"
placeholder="any"
value=${r}
aria-invalid=${a}
onInput=${c=>o(c.target.value.trim())}
onFocus=${()=>s(!1)}
onBlur=${()=>s(!0)}
/>
</label>
${a&&l`<p class="note" role="alert">“${r}” is not a year from 1000 to 9999.</p>`}
</div>`}function ki({filters:e,facets:t,change:n}){let[r,o]=ot(e.minScore??0,a=>n({minScore:a===0?null:a})),i=t.best_new_music.find(a=>a.best_new_music)?.count??0,s=Number.isInteger(r)?Pi(t,r):null;return l`<fieldset class="filter">
<legend>Score</legend>
<label class="slider"
><span class="slider-label"
><span>${r===0?"Any score":`${r} or more`}</span>
${r>0&&s!==null&&l`<span class="count">${s.toLocaleString("en")}</span>`}</span
>
<input
type="range"
min="0"
max="9"
step="1"
aria-label="Minimum score"
value=${r}
onInput=${a=>o(Number(a.target.value))}
/>
</label>
<label class="choice">
<input
type="checkbox"
checked=${e.bestNewMusic}
onChange=${()=>n({bestNewMusic:!e.bestNewMusic})}
/>
<span>Best new music</span><span class="count">${i.toLocaleString("en")}</span>
</label>
</fieldset>`}function Pi(e,t){return e.scores.reduce((n,r)=>r.score!==null&&r.score>=t?n+r.count:n,0)}function Ti({filters:e,facets:t,change:n}){let r=he(t),o=r.find(c=>c.hex===e.color),i=e.color!==null&&o===void 0,[s,a]=ot(e.color??"#808080",c=>n({color:c}));return l`<fieldset class="filter">
<legend>Colour</legend>
<div class="colors">
${r.map(({color:c,hex:d,count:u})=>l`<button
key=${d}
type="button"
class="color"
aria-pressed=${e.color===d}
aria-label=${`${c}, main colour of ${I(u,"cover")}`}
title=${`${c}: main colour of ${I(u,"cover")}`}
onClick=${()=>n({color:e.color===d?null:d})}
>
<span class="swatch" style=${{backgroundColor:d}}></span>
<span class="count">${u.toLocaleString("en")}</span>
</button>`)}
<label class=${`swatch own-color ${i?"is-chosen":""}`} title="Another colour">
<span class="hidden">Another colour</span>
<input
type="color"
value=${s}
onInput=${c=>a(c.target.value)}
/>
</label>
</div>
<p class="note">
${o?`${o.color}: main colour of ${I(o.count,"cover")}`:"Numbers of covers by main colour"}
</p>
</fieldset>`}function Ai({search:e,onChange:t}){let{address:n}=_(),[r,o]=ot(n.minSimilarity??0,s=>t(s===0?null:s)),i=r===0?null:br(e,n,r);return l`<fieldset class="filter">
<legend>Similarity</legend>
<label class="slider"
><span class="slider-label"
><span>${r===0?"Any similarity":`${r.toFixed(2)} or more`}</span>
${i&&l`<span class="count">${i.isAll?"":"at least "}${i.count.toLocaleString("en")}</span>`}</span
>
<input
type="range"
min="0"
max="1"
step="0.01"
aria-label="Minimum similarity"
value=${r}
onInput=${s=>o(Number(s.target.value))}
/>
</label>
</fieldset>`}function ot(e,t){let[n,r]=h(e),o=P(0),i=P(t);return i.current=t,g(()=>r(e),[e]),g(()=>()=>clearTimeout(o.current),[]),[n,a=>{r(a),clearTimeout(o.current),o.current=setTimeout(()=>i.current(a),vi)}]}var Ei=3,Ci=200;function xr({text:e}){let{address:t,go:n}=_(),r=D(`names ${e}`,async()=>{let i=[["q",e.slice(0,Ci)],["limit",String(Ei)]],{albums:s}=await F(x,{path:"api/albums",query:i});return{text:e,albums:s.filter(a=>a.match==="exact"||a.match==="prefix")}}),o=r.value?.text===e?r.value.albums:[];return o.length?l`<section class="named" aria-label="Albums with this name">
<h2 class="small-heading">By name</h2>
<ul>
${o.map(i=>l`<li key=${i.id}>
<a class="named-album" href=${M({...t,album:i.id})} onClick=${R(()=>n({album:i.id}))}>
<${j} album=${i} sizes="48px" isNamed />
<span><bdi class="named-title">${i.album_name}</bdi><bdi class="named-artist">${i.artist}</bdi></span>
</a>
</li>`)}
</ul>
</section>`:null}var Jt=[.25,.5,.75,1,1.5,2,3];function Sr({parts:e,onChange:t}){let n=(r,o)=>t(e.map((i,s)=>s===r?o:i));return l`<ul class="parts" aria-label="Parts of the search">
${e.map((r,o)=>l`<${Mi}
key=${`${r.kind} ${r.kind==="text"?o:r.id}`}
part=${r}
onChange=${i=>n(o,i)}
onRemove=${()=>t(e.filter((i,s)=>s!==o))}
/>`)}
</ul>`}function Mi({part:e,onChange:t,onRemove:n}){let{label:r,picture:o}=Ni(e),i=e.weight>0,s=Math.abs(e.weight),a=Jt.includes(s)?Jt:[...Jt,s].sort((d,u)=>d-u),c=d=>{t({...e,weight:Number(d.target.value)*(i?1:-1)})};return l`<li class=${`part ${i?"":"part-less"}`}>
<button
type="button"
class="part-sign"
aria-label=${`${i?"More":"Less"} of ${r}: change to ${i?"less":"more"}`}
onClick=${()=>t({...e,weight:-e.weight})}
>
<${S} name=${i?"plus":"minus"} /><span>${i?"more":"less"}</span>
</button>
${o}
<span class="part-label" dir="auto" title=${r}>${r}</span>
<select class="part-weight" aria-label=${`Weight of ${r}`} value=${String(s)} onChange=${c}>
${a.map(d=>l`<option value=${String(d)} selected=${d===s}>×${d}</option>`)}
</select>
<button type="button" class="part-remove" aria-label=${`Remove ${r}`} onClick=${n}>
<${S} name="close" />
</button>
</li>`}function Ni(e){let t=Ye(e.kind==="album"?e.id:null).value,n=Li(e.kind==="image"?e.id:null);if(e.kind==="text")return{label:e.text,picture:null};if(e.kind==="album"){let r=t&&l`<${j} album=${t} sizes="32px" isNamed />`;return{label:t?J(t):e.id,picture:r}}return n==="missing"?{label:"picture that is not kept here",picture:null}:{label:n?.name??"picture",picture:n&&l`<${Ri} key=${n.id} picture=${n} />`}}function Ri({picture:e}){let[t,n]=h(!1);return t?l`<span class="cover no-preview" title="This browser cannot show this picture."><${S} name="picture" /></span>`:l`<img class="cover" src=${Hn(e)} alt="" width="32" height="32" onError=${()=>n(!0)} />`}function Li(e){let[t,n]=h(null);return g(()=>{let r=!0;return n(null),e!==null&&Te(e).then(o=>r&&n(o),()=>r&&n("missing")),()=>{r=!1}},[e]),t}var Fi=350;function Pr(){let{parts:e,own:t,open:n,draft:r,setDraft:o,submit:i,submitLater:s,endPhrase:a,show:c,go:d}=Ii(),u=()=>{i(r),a(),c([])};return{parts:e,draft:r,hasChips:e.length>1||e.length===1&&n===null||e.some(p=>p.weight!==1),type:p=>{o(p),s(p)},finish:()=>{i(r),a(),e.length>1&&c([])},pin:u,endPhrase:a,change:p=>{a(),c(p),d(p)},addPictures:async p=>{i(r);let f=await Promise.all(p.slice(0,B).map(y=>ue(y,y.name||"picture")));a();let m=f.map(({id:y})=>({kind:"image",id:y,weight:1}));d([...t.current,...m].slice(0,B))}}}function Ii(){let{address:e,go:t}=_(),{parts:n}=e,[r,o]=h(()=>kr(n)),[i,s]=h(()=>Kt(n,r)),a=P(n),c=P(!1),d=v=>{let b=kr(v);o(b),s(Kt(v,b))},u=(v,b)=>{a.current=v,t({view:"search",parts:v,album:null,code:!1},b)},p=()=>{c.current=!1},f=v=>{m.end();let b=Di(a.current,r,v);b!==null&&(o(b.open),u(b.parts,{replace:c.current}),c.current=!0)},m=Oi(()=>f(i),e.album!==null||e.code);return g(()=>{a.current===n||Vi(a.current,n)||(a.current=n,m.end(),p(),d(n))},[n]),{parts:n,own:a,open:r,draft:i,setDraft:s,submit:f,submitLater:v=>m.begin(()=>f(v)),endPhrase:p,show:d,go:u}}function Oi(e,t){let n=P(0),r=()=>clearTimeout(n.current),o=i=>{r(),n.current=setTimeout(i,Fi)};return U(()=>(t||o(e),r),[t]),{begin:o,end:r}}function Di(e,t,n){let r=n.trim().replace(/\s+/g," "),o=e.filter((a,c)=>c!==t);if(r===Kt(e,t)||r&&o.length>=B)return null;if(!r)return{parts:o,open:null};let i=t??o.length,s=(t===null?void 0:e[t])?.weight??1;return{parts:[...o.slice(0,i),{kind:"text",text:r,weight:s},...o.slice(i)],open:i}}function kr(e){return e.length===1&&e[0]?.kind==="text"&&e[0].weight===1?0:null}function Kt(e,t){let n=t===null?void 0:e[t];return n?.kind==="text"?n.text:""}function Vi(e,t){return JSON.stringify(e)===JSON.stringify(t)}function Ar({isStart:e}){let t=Pr(),{parts:n,hasChips:r,addPictures:o}=t;return nt(s=>{o(s)}),l`<form class="query-bar" role="search" onSubmit=${s=>{s.preventDefault(),t.finish()}}>
<${Bi} query=${t} />
${e&&l`<${Hi} onFiles=${o} />`}
${r&&l`<${Sr} parts=${n} onChange=${s=>t.change(s)} />`}
<p class="parts-full" role="status">
${n.length>=B?`A search has at most ${B} parts. Remove a part to add another.`:""}
</p>
</form>`}function Bi({query:e}){let{draft:t,hasChips:n,addPictures:r}=e,o=()=>{e.pin(),document.getElementById("query")?.focus()};return l`<div class="field">
<${S} name="search" />
<input
id="query"
type="search"
name="text"
aria-label="Describe a cover"
placeholder=${n?"Add words":"Describe a cover"}
maxlength=${Mt}
autocomplete="off"
enterkeyhint="search"
dir="auto"
value=${t}
onInput=${i=>e.type(i.target.value)}
onBlur=${e.endPhrase}
/>
${t.trim()&&l`<button type="button" class="field-button field-pin" title="Keep these words and add more" onClick=${o}>
<${S} name="plus" /><span class="hidden">Keep these words as a part, and add another part</span>
</button>`}
<${Tr} label="Choose a picture" icon="picture" onFiles=${r} />
<${Tr} label="Take a photo" icon="camera" camera onFiles=${r} />
</div>`}function Hi({onFiles:e}){return l`<label class="drop-zone">
<${S} name="picture" />
<span class="for-mouse">Drop a picture here, paste it, or choose one. Crop it to the cover for better matches.</span>
<span class="for-touch">Choose a picture of a cover, cropped to the cover</span>
<${Er} onFiles=${e} multiple />
</label>`}function Tr({label:e,icon:t,camera:n=!1,onFiles:r}){return l`<label class=${`field-button ${n?"field-camera":""}`} title=${e}>
<${S} name=${t} /><span class="hidden">${e}</span>
<${Er} onFiles=${r} capture=${n?"environment":void 0} multiple=${!n} />
</label>`}function Er({onFiles:e,multiple:t=!1,capture:n}){return l`<input
class="hidden"
type="file"
accept="image/*,.heic,.heif,.avif"
capture=${n}
multiple=${t}
onChange=${o=>{let i=o.target,s=[...i.files??[]];i.value="",s.length&&e(s)}}
/>`}var Cr=new Map;function Mr({address:e,match:t,position:n}){let[r,o]=h(null),[i,s]=h(null),a=Math.floor(n/Ke)*Ke;if(g(()=>{let d=new AbortController;return qi(e,a,d.signal).then(u=>o(u.get(t.id)??{parts:[],words:[]}),u=>ce(u)||s(u)),()=>d.abort()},[t.id]),i!==null)return l`<p class="why" role="alert">${de(i).title}.</p>`;if(r===null)return l`<p class="why" role="status">Looking closer …</p>`;let c=pe(e,0).parts.map(d=>d.kind==="text"?`“${d.text}”`:d.kind==="image"?"the picture":"the other album");return l`<div class="why" role="status">
${r.parts.length>1&&l`<ul class="why-parts">
${r.parts.map(({part:d,contribution:u})=>l`<li key=${d}>
<span dir="auto">${c[d]}</span>
<span class=${`why-number ${u<0?"is-negative":""}`}>${ji(u)}</span>
</li>`)}
</ul>`}
${r.words.length>0?l`<p>The cover looks like <strong>${r.words.map(({word:d})=>d).join(", ")}</strong>.</p>`:l`<p>No word of the vocabulary is close to this cover.</p>`}
</div>`}function ji(e){return`${e<0?"−":"+"}${Math.abs(e).toFixed(3)}`}async function qi(e,t,n){let r=`${t} ${fe(e)??""}`,o=Cr.get(r);if(o)return o;let{result:i}=await me(x,pe(e,t,!0),{signal:n,picture:We}),s=new Map(i.results.map(a=>[a.id,a.explain??{parts:[],words:[]}]));return Cr.set(r,s),s}var Ui="(max-width: 40rem) 45vw, 14rem";function Nr({match:e,position:t}){let{address:n,go:r}=_(),[o,i]=h(!1),s=J(e),a=c=>{r(se(n,e.id,c)),document.getElementById("results-heading")?.focus()};return l`<li class="card">
<a
class="card-link"
href=${M({...n,album:e.id})}
onClick=${R(()=>r({album:e.id}))}
>
<span class="card-cover"><${j} album=${e} sizes=${Ui} isNamed /></span>
<span class="card-title"><bdi>${e.album_name}</bdi></span>
<span class="card-artist"><bdi>${e.artist}</bdi></span>
</a>
<p class="card-facts">
${ir(e).map((c,d)=>l`${d>0?" · ":""}<bdi>${c}</bdi>`)}
${e.best_new_music&&l`<span class="mark">Best new music</span>`}
</p>
<div class="card-foot">
<${Wi} value=${e.similarity} />
<div class="card-actions">
<button type="button" title="More like this" aria-label=${`More like ${s}`} onClick=${()=>a(1)}>
<${S} name="plus" />
</button>
<button type="button" title="Less like this" aria-label=${`Less like ${s}`} onClick=${()=>a(-.5)}>
<${S} name="minus" />
</button>
<button
type="button"
title="Why?"
aria-label=${`Why ${s}?`}
aria-expanded=${o}
onClick=${()=>i(!o)}
>
<${S} name="why" />
</button>
</div>
</div>
${o&&l`<${Mr} address=${n} match=${e} position=${t} />`}
</li>`}function Wi({value:e}){let t=Math.max(0,Math.min(1,e));return l`<span class="similarity" title=${`Similarity ${e.toFixed(3)}, at most 1`}>
<span class="hidden">Similarity</span>
<span class="similarity-track"><span class="similarity-bar" style=${{width:`${100*t}%`}}></span></span>
<span class="similarity-number">${(Math.round(e*100)/100).toFixed(2).replace("-","−")}</span>
</span>`}function Rr(e){if(e.altKey||e.ctrlKey||e.metaKey)return;let n=[...e.currentTarget.querySelectorAll(".card-link")],r=n.findIndex(i=>i.parentElement?.contains(document.activeElement));if(r<0)return;let o=n[Gi(e.key,r,{count:n.length,columns:Ji(n)})];o!==void 0&&(e.preventDefault(),o.focus(),o.scrollIntoView({block:"nearest"}))}function Gi(e,t,n){switch(e){case"ArrowRight":return Math.min(t+1,n.count-1);case"ArrowLeft":return Math.max(t-1,0);case"ArrowDown":return t+n.columns<n.count?t+n.columns:-1;case"ArrowUp":return t-n.columns;case"Home":return 0;case"End":return n.count-1;default:return-1}}function Ji(e){let t=e[0]?.getBoundingClientRect().top,n=e.findIndex(r=>r.getBoundingClientRect().top!==t);return n<0?e.length:n}var Ki=300,Xi=3e3;function it({search:e}){let t=e.loading!==null,n=Lr(t,Ki),r=e.job?.status==="queued",o=Lr(r,Xi),i=Qi(o);if(!n&&e.job===null)return null;let s=o&&i===!1?"No worker is running. The search waits for one.":zi(e);return l`<div class="waiting">
<progress class="waiting-bar" aria-label="Progress" value=${e.upload!==null&&e.upload<1?e.upload:void 0}></progress>
<p role="status">${s}</p>
<button type="button" class="button" onClick=${e.cancel}>Cancel</button>
</div>`}function zi({upload:e,job:t}){if(e!==null&&e<1)return`Uploading: ${Math.round(100*e)} %`;if(t?.status==="running")return"Looking at the covers …";if(t?.status==="queued"){let n=(t.queue_position??1)-1;return n===0?"Next in the queue …":n===1?"One search is ahead of this one …":`${n} searches are ahead of this one …`}return"Searching …"}function Lr(e,t){let[n,r]=h(!1);return g(()=>{if(r(!1),!e)return;let o=setTimeout(()=>r(!0),t);return()=>clearTimeout(o)},[e,t]),n&&e}function Qi(e){let[t,n]=h(null);return g(()=>{if(n(null),!e)return;let r=new AbortController;return F(x,{path:"health",signal:r.signal}).then(o=>n(o.workers>0),()=>{}),()=>r.abort()},[e]),t}function Fr({search:e,isStale:t}){let{matches:n}=e;return l`<div class=${`results ${t?"is-stale":""}`} aria-busy=${e.loading!==null}>
<ol class="grid" onKeyDown=${Rr}>
${n.map((r,o)=>l`<${Nr} key=${r.id} match=${r} position=${o} />`)}
</ol>
${!t&&e.error!==null&&l`<${H} error=${e.error} onRetry=${e.retry} />`}
${!t&&e.end===null&&e.error===null&&l`<${Yi} search=${e} />`}
${e.loading==="more"&&l`<${it} search=${e} />`}
${!t&&e.end!==null&&n.length>0&&l`<p class="end" tabindex="-1">${Zi(e)}</p>`}
</div>`}function Yi({search:e}){let t=P(null),n=P(e.loadMore);return n.current=e.loadMore,g(()=>{if(t.current===null)return;let r=new IntersectionObserver(o=>o.some(i=>i.isIntersecting)&&n.current(),{rootMargin:"800px"});return r.observe(t.current),()=>r.disconnect()},[e.next,e.shown]),l`<button ref=${t} type="button" class="button load-more" onClick=${e.loadMore}>
${e.loading==="more"?"Loading more …":"Load more"}
</button>`}function Zi(e){let{address:t}=_(),{minSimilarity:n}=t,r=e.matches.length;if(e.end==="limit")return`The first ${r.toLocaleString("en")} albums are shown. A search ranks no more; a filter leads to others.`;let o=r===1,i=[G({...t,minSimilarity:null})>0?`${o?"meets":"meet"} the filters`:"",n===null?"":`${o?"is":"are"} similar enough`].filter(Boolean),s=i.length?`that ${i.join(" and ")}`:"of the catalog",a=t.parts.some(c=>c.kind==="album")?", apart from those of the search":"";return`${o?"This is the only album":`These are all ${I(r,"album")}`} ${s}${a}.`}var es=24,ts=6,ns=7,rs=6;function Ir({facets:e}){let t=D("first albums",()=>F(x,{path:"api/albums",query:[["limit",String(es)]]})).value?.albums;return l`<div class="suggestions">
<${os} first=${t?.[0]?.id??null} />
<${ss} facets=${e} />
<${as} facets=${e} />
<${ls} albums=${t??[]} />
</div>`}function os({first:e}){let{go:t}=_(),n=D(e&&"phrases",async()=>{let r={parts:[{kind:"album",id:e??"",weight:1}],filters:O,minSimilarity:null,k:50,offset:0,explain:!0},{result:o}=await me(x,r,{picture:()=>Promise.reject(new Error("no picture"))});return is(o.results)}).value;return l`<div class="suggestion-row" role="group" aria-label="Words to begin with">
${(n??[]).map(r=>{let o=[{kind:"text",text:r,weight:1}];return l`<a
key=${r}
class="pill"
href=${M({...E,parts:o})}
onClick=${R(()=>t({...E,parts:o}))}
>${r}</a
>`})}
</div>`}function is(e){let t=new Set;for(let n of e){let r=n.explain?.words??[],o=r.find(s=>s.group==="colour"&&!s.word.includes(" ")),i=r.find(s=>s.group==="object");o&&i&&![...t].some(s=>s.endsWith(` ${i.word}`))&&t.add(`${o.word} ${i.word}`)}return[...t].slice(0,ts)}function ss({facets:e}){let{go:t}=_(),n=e===null?[]:he(e);return l`<div class="suggestion-row" role="group" aria-label="Colours to begin with">
${n.slice(0,ns).map(({color:r,hex:o})=>{let i={...O,color:o};return l`<a
key=${o}
class="pill"
href=${M({...E,filters:i})}
onClick=${R(()=>t({...E,filters:i}))}
><span class="dot" style=${{backgroundColor:o}}></span>${r}</a
>`})}
</div>`}function as({facets:e}){let{go:t}=_(),n=(e?.genres??[]).flatMap(({genre:r})=>r===null?[]:[r]);return l`<div class="suggestion-row" role="group" aria-label="Genres to begin with">
${n.slice(0,rs).map(r=>{let o={...O,genres:[r]};return l`<a
key=${r}
class="pill"
href=${M({...E,filters:o})}
onClick=${R(()=>t({...E,filters:o}))}
>${r}</a
>`})}
</div>`}function ls({albums:e}){let{go:t}=_();return l`<ul class="wall" aria-label="Covers to begin with">
${e.map(n=>l`<li key=${n.id}>
<a
href=${M({...E,...se(E,n.id,1)})}
title=${`More like ${J(n)}`}
onClick=${R(()=>t(se(E,n.id,1)))}
>
<${j} album=${n} sizes="(max-width: 40rem) 30vw, 12vw" />
</a>
</li>`)}
</ul>`}var cs=[["queue","In the queue"],["decode","Decoding the picture"],["embed","Reading it with the model"],["search","Comparing the covers"],["total","Together"]],us={hit:"from the cache; the times are those of the first search",miss:"computed for this search",coalesced:"shared with the same search of somebody else"};function Dr({found:e}){let{timings_ms:t,model:n,truncated:r}=e.result,o=P(null);return ds(o),l`<details ref=${o} class="timings">
<summary title="How long it took"><${S} name="clock" />${e.cache==="hit"?"from the cache":Or(t.total)}</summary>
<div class="timings-panel">
<table>
<caption class="hidden">Times of this search</caption>
<tbody>
${cs.map(([i,s])=>l`<tr key=${i}>
<th scope="row">${s}</th>
<td>${Or(t[i])}</td>
</tr>`)}
<tr>
<th scope="row"><code>X-Cache</code></th>
<td><code>${e.cache??"none"}</code></td>
</tr>
</tbody>
</table>
<p>The answer was ${us[e.cache??""]??"computed"}. Model: ${n}.</p>
${r&&l`<p>The text is longer than the model reads; its end was ignored.</p>`}
</div>
</details>`}function ds(e){g(()=>{let t=new AbortController,{signal:n}=t,r=()=>e.current?.removeAttribute("open"),o=s=>{e.current?.contains(s.target)||r()},i=s=>{s.key!=="Escape"||!e.current?.open||(e.current.contains(document.activeElement)&&e.current.querySelector("summary")?.focus(),r())};return addEventListener("pointerdown",o,{signal:n}),addEventListener("keydown",i,{signal:n}),()=>t.abort()},[])}function Or(e){return e<10?`${e.toFixed(1)} ms`:`${Math.round(e).toLocaleString("en")} ms`}function Vr(){let e=_(),{address:t}=e,n=Ce(t.filters),r=Ce(O),o=lr(r.value,n.value),i=er(e),s=()=>[n,r].forEach(({error:d,reload:u})=>d!==null&&u()),a={...i,retry:()=>{i.retry(),s()}},c=fe(t)!==null;return l`<div class=${`search ${c?"has-search":"is-start"}`}>
<div class="ask">
${!c&&l`<${ps} total=${n.value?.total_albums??null} />`}
<${Ar} isStart=${!c} />
<${fs} />
</div>
${c?l`<div class="search-columns">
<${wr} facets=${o} search=${a} onRecount=${ms(n.error)?s:void 0} />
<${hs} search=${a} facets=${o} />
</div>`:n.error!==null?l`<${H} error=${n.error} onRetry=${n.reload} />`:l`<${Ir} facets=${n.value} />`}
</div>`}function ms(e){return e!==null&&oe(e)!=="invalid_parameter"}function ps({total:e}){return l`<div class="welcome">
<h1 tabindex="-1">Find an album by its cover</h1>
<p>Describe what you see, or drop a picture.</p>
<p class="welcome-count">${e===null?"":`${I(e,"cover")} to look through.`}</p>
</div>`}function fs(){let{address:e}=_();return l`<div role="status">
${e.ignored.map(({given:t,allowed:n})=>l`<p key=${t} class="note ignored">
The address contains <bdi>${t}</bdi>, which is ignored because the value is not ${n}.
</p>`)}
</div>`}function hs({search:e,facets:t}){let{address:n}=_(),{first:r,matches:o}=e,i=e.shown!==fe(n),s=n.parts.length===1&&n.parts[0]?.kind==="text"?n.parts[0].text:null,a=e.error!==null&&(i||o.length===0);return l`<section class="outcome" aria-labelledby="results-heading">
<${gs} search=${e} isStale=${i} facets=${t} />
${s!==null&&l`<${xr} text=${s} />`}
${e.loading!=="more"&&l`<${it} search=${e} />`}
${a?l`<${_s} search=${e} />`:r!==null&&o.length===0&&!i?l`<${gr} facets=${t} />`:l`<${Fr} search=${e} isStale=${i} />`}
</section>`}function gs({search:e,isStale:t,facets:n}){let{address:r,go:o}=_(),i=rt(r,n),s=bs(e,t,r,ys(r,n?.total_albums??null));return l`<header class="results-header">
<div class="results-title">
<h1 id="results-heading" tabindex="-1">${s}</h1>
<p class="hidden" role="status">${s}</p>
${e.first&&!t&&l`<${Dr} found=${e.first} />`}
<a
class="button button-quiet code-button"
href=${M({...r,code:!0})}
onClick=${R(()=>o({code:!0}))}
><${S} name="code" />Code</a
>
</div>
${i.length>0&&l`<ul class="tokens" aria-label="Active filters">
${i.map(({label:a,without:c})=>l`<li key=${a}>
<button type="button" class="token" aria-label=${`Remove the filter ${a}`} onClick=${()=>o(c)}>
<span dir="auto">${a}</span><${S} name="close" />
</button>
</li>`)}
${i.length>1&&l`<li><button type="button" class="link" onClick=${()=>o(ye)}>Remove all</button></li>`}
</ul>`}
${r.parts.length===0&&l`<p class="note">Ordered by likeness to “${Ee}”.</p>`}
</header>`}function ys(e,t){if(t===null||e.minSimilarity!==null)return null;let n=new Set(e.parts.flatMap(r=>r.kind==="album"?[r.id]:[])).size;return n===0||G(e)===0?t-n:null}function bs(e,t,n,r){if(t&&e.error===null)return e.matches.length?"Searching …":"Looking at the covers …";if(e.error!==null&&(t||!e.matches.length))return"No answer";let o=e.end==="exhausted"?e.matches.length:r;if(o===0)return"No albums";if(o===null)return"Albums, most similar first";if(o===1)return"1 album";let i=n.parts.some(s=>s.kind==="album")?"other album":"album";return`${G(n)?I(o,"album"):`All ${I(o,i)}`}, most similar first`}function _s({search:e}){let{address:t,go:n}=_(),[r,o]=h(null);g(()=>o(null),[e.error]);let i=t.parts.filter(a=>a.kind==="image"),s=async()=>{let a=location.search;try{let c=await Promise.all(t.parts.map($s));location.search===a&&n({parts:c},{replace:!0})}catch{o(new N("picture_unreadable","this browser cannot decode the picture"))}};return l`<${H}
error=${r??e.error}
onRetry=${e.retry}
onShrink=${i.length?()=>{s()}:void 0}
onRemovePicture=${i.length?()=>n({parts:t.parts.filter(a=>a.kind!=="image")}):void 0}
/>`}async function $s(e){if(e.kind!=="image")return e;let t=await Te(e.id),n=await ue(await hr(t.blob),t.name);return{...e,id:n.id}}var Xt=560,be=140,vs=20;function Qt({title:e,intervals:t,value:n}){let r=t.map(d=>n==="rate"?d.count/d.seconds:d.duration_ms.p50??0),o=Math.max(...r,0),i=Xt/Math.max(1,r.length),s=t.map(d=>(d.status_classes["5xx"]??0)/Math.max(1,d.count)),a=r.at(-1)??0,c=`${e}: now ${zt(a)}, at most ${zt(o)} in the last five minutes`;return l`<section class="chart" aria-label=${e}>
<h2>${e}</h2>
<svg viewBox=${`0 0 ${Xt} ${be}`} role="img" aria-label=${c}>
<text class="bar-count" x="0" y="8">${zt(o)}</text>
<line class="axis" x1="0" y1=${be-.5} x2=${Xt} y2=${be-.5} />
${r.map((d,u)=>{let p=o===0?0:(be-vs)*d/o,f=u*i+i*.15,m=n==="rate"?s[u]??0:0;return l`<g key=${u}>
<rect class="bar" x=${f} y=${be-p} width=${i*.7} height=${p} rx="1.5" />
${m>0&&l`<rect class="bar-failed" x=${f} y=${be-p*m} width=${i*.7} height=${p*m} />`}
</g>`})}
</svg>
</section>`}function zt(e){return e===0?"0":e<10?e.toFixed(1):Math.round(e).toLocaleString("en")}var Yt=2e3,ws=1024*1024;function Br(){let{figures:e,error:t,retry:n}=ks();return l`<div class="service">
<header class="view-header">
<h1 tabindex="-1">The service</h1>
<p class="lead">${e===null?"Reading the figures …":`Version ${e.version}, the last five minutes`}</p>
</header>
${t!==null&&l`<${H} error=${t} onRetry=${n} />`}
${e!==null&&l`<${xs} figures=${e} />`}
</div>`}function xs({figures:e}){let{queue:t,memory:n,requests:r,cache:o,problems:i}=e;return l`<div class="figures">
${Object.entries(i).map(([s,a])=>l`<p class="note" role="alert" key=${s}>${s}: ${a}</p>`)}
<dl class="tiles">
<${Q} label="Waiting" value=${t&&String(t.depth+t.parked)} />
<${Q} label="Running" value=${t&&String(t.running)} />
<${Q} label="Oldest in the queue" value=${t&&Ps(t.oldest_age_s)} />
<${Q} label="From the cache" value=${o&&Ts(o.hit_ratio)} />
<${Q} label="Requests" value=${r&&r.count.toLocaleString("en")} />
<${Q} label="Median answer" value=${r&&st(r.duration_ms.p50)} />
<${Q} label="99th percentile" value=${r&&st(r.duration_ms.p99)} />
<${Q} label="Pictures held" value=${n&&`${(n.image_bytes/ws).toFixed(1)} MiB`} />
</dl>
${r&&l`<div class="charts">
<${Qt} title="Requests per second" intervals=${r.intervals} value="rate" />
<${Qt} title="Median duration in ms" intervals=${r.intervals} value="duration" />
</div>`}
<${Zt} title="Workers" head=${["Worker","State","Model","Runs on","Running","Per second"]} rows=${(e.workers??[]).map(Ss)} empty="No worker is running." />
<${Zt}
title="Endpoints"
head=${["Endpoint","Requests","Median","99th percentile"]}
rows=${(r?.by_route??[]).map(s=>[`${s.method} ${s.route??"unknown path"}`,s.count.toLocaleString("en"),st(s.duration_ms.p50),st(s.duration_ms.p99)])}
empty="No request yet."
/>
<${Zt}
title="Problems"
head=${["Code","Status","Answers"]}
rows=${(r?.by_problem??[]).map(({code:s,status:a,count:c})=>[s,String(a),c.toLocaleString("en")])}
empty="No request was refused in the last five minutes."
/>
</div>`}function Q({label:e,value:t}){return l`<div class="tile">
<dt>${e}</dt>
<dd>${t??"–"}</dd>
</div>`}function Zt({title:e,head:t,rows:n,empty:r}){return l`<section class="figure-table" aria-label=${e}>
<h2>${e}</h2>
${n.length===0?l`<p class="note">${r}</p>`:l`<div class="table-room" tabindex="0" role="region" aria-label=${`${e}, as a table`}>
<table>
<thead>
<tr>${t.map(o=>l`<th scope="col" key=${o}>${o}</th>`)}</tr>
</thead>
<tbody>
${n.map((o,i)=>l`<tr key=${i}>
${o.map((s,a)=>a===0?l`<th scope="row">${s}</th>`:l`<td>${s}</td>`)}
</tr>`)}
</tbody>
</table>
</div>`}
</section>`}function Ss(e){return[`${e.host??"unknown"}, process ${e.pid??"?"}`,e.ready?"ready":e.error??"starting",e.model??"–",[e.device,e.encoder,e.precision].filter(Boolean).join(", ")||"–",e.running===null?"–":`${e.running} of ${e.concurrency??"?"}`,e.runs_per_s?.toFixed(1)??"–"]}function ks(){let[e,t]=h(null),[n,r]=h(null),[o,i]=h(0);return g(()=>{let s=new AbortController,a=0,c=async()=>{try{t(await F(x,{path:"api/service",signal:s.signal})),r(null),a=setTimeout(d,Yt)}catch(u){if(ce(u))return;r(u),de(u).remedy==="retry"&&(a=setTimeout(d,Yt))}},d=()=>{document.hidden?a=setTimeout(d,Yt):c()};return d(),()=>{s.abort(),clearTimeout(a)}},[o]),{figures:e,error:n,retry:()=>i(s=>s+1)}}function st(e){return e===null?"–":e<10?`${e.toFixed(1)} ms`:`${Math.round(e).toLocaleString("en")} ms`}function Ps(e){return e===null?"–":`${e.toFixed(1)} s`}function Ts(e){return e===null?"–":`${Math.round(100*e)} %`}function Hr(){g(()=>{let e=null,t=o=>{e=o.target},n=()=>queueMicrotask(()=>{e?.isConnected&&document.activeElement===document.body&&(e=null)}),r=new MutationObserver(()=>{e===null||e.isConnected||document.activeElement!==document.body||As(e)?.focus({preventScroll:!0})});return document.addEventListener("focusin",t),document.addEventListener("focusout",n),r.observe(document.body,{childList:!0,subtree:!0}),()=>{document.removeEventListener("focusin",t),document.removeEventListener("focusout",n),r.disconnect()}},[])}function As(e){let t=document.querySelector("dialog[open] .dialog-close");return t!==null?t:(e.matches(".load-more")?document.querySelector(".end"):null)??document.querySelector("main h1")}var Es=[["search","Search"],["catalog","Catalog"],["service","Service"]];function jr(){let e=nr(),{view:t,album:n,code:r}=e.address,o=Rs(e.address);return g(()=>{document.title=o},[o]),Ns(),Hr(),l`<${Dt.Provider} value=${e}>
<a class="skip" href="#main">Skip to the content</a>
<${Cs} />
<${Ms} />
<main id="main" tabindex="-1">
${t==="search"&&l`<${Vr} />`}
${t==="catalog"&&l`<${ur} />`}
${t==="service"&&l`<${Br} />`}
</main>
${t!=="search"&&l`<${Ls} />`}
${n!==null&&l`<${sr} key="album" id=${n} />`}
${r&&n===null&&t==="search"&&l`<${pr} />`}
<div class="drop-note" aria-hidden="true"><p>Drop the picture to search with it</p></div>
<//>`}function Cs(){let{address:e,go:t}=_();return l`<header class="header">
<a class="wordmark" href=${M(E)} onClick=${R(()=>t(E))}>
<svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
<circle cx="16" cy="16" r="12" fill="none" stroke="currentColor" stroke-width="2.5" />
<circle class="logo-dot" cx="16" cy="16" r="4" />
</svg>
Cover search
</a>
<nav aria-label="Views">
${Es.map(([n,r])=>l`<a
key=${n}
href=${M({...E,view:n})}
aria-current=${e.view===n?"page":void 0}
onClick=${R(()=>t({...E,view:n}))}
>${r}</a
>`)}
<a href="../docs">API</a>
</nav>
</header>`}function Ms(){let[e,t]=h(navigator.onLine);return g(()=>{let n=()=>t(navigator.onLine);return addEventListener("online",n),addEventListener("offline",n),()=>{removeEventListener("online",n),removeEventListener("offline",n)}},[]),l`<div role="status">
${!e&&l`<p class="offline">You are offline. The page continues when the connection is back.</p>`}
</div>`}function Ns(){U(()=>{let e=t=>{let n=t.target instanceof HTMLElement&&t.target.matches("input, select, textarea");if(t.key!=="/"||n||t.ctrlKey||t.metaKey||document.querySelector("dialog[open]"))return;let r=document.getElementById("query");r!==null&&(t.preventDefault(),r.focus(),r.select())};return addEventListener("keydown",e),()=>removeEventListener("keydown",e)},[])}function Rs({view:e,parts:t}){let r={search:t.flatMap(o=>o.kind==="text"?[o.text]:[]).join(", "),catalog:"The catalog",service:"The service"}[e];return r?`${r} · Cover search`:"Cover search"}function Ls(){let{go:e}=_();return nt(t=>{Promise.all(t.slice(0,B).map(n=>ue(n,n.name))).then(n=>e({...E,parts:n.map(({id:r})=>({kind:"image",id:r,weight:1}))}))}),null}Tt();var qr=document.getElementById("page"),Fs=0;function Ur(){qr!==null&&hn(l`<${jr} key=${Fs+=1} />`,qr)}Ur();addEventListener("hashchange",()=>Tt()&&Ur());
